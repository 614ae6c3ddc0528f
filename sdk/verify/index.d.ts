/** Bytes as they were read; a text stands for its UTF-8. */
export type Bytes = string | Uint8Array | ArrayBuffer;

/** By whom a log is judged. */
export interface Trust {
  /** The log's origin, which you know from elsewhere. */
  origin: string;
  /** Verifier keys (`<name>+<id>+<key>`): the log's, and for producers' signatures those of streams. */
  vkeys: readonly string[];
  /** A C2SP tlog-policy: which witnesses must have cosigned. */
  policy?: Bytes;
}

/** What a log has signed. */
export interface Checkpoint {
  origin: string;
  size: number;
  /** The tree's root hash, in base64. */
  root: string;
  /** The signed note, verbatim: keep it, to compare the next one with. */
  note: string;
}

/** Everything asked was checked and holds. */
export interface Good {
  ok: true;
  /** What was checked, a phrase each. */
  checked: string[];
  /** What this verdict does not say, a phrase each. */
  notChecked: string[];
}

/** It does not hold, or could not be checked. Either way: do not believe it. */
export interface Bad {
  ok: false;
  /**
   * In which way: a fault of the evidence (`leaf_mismatch`, `signature_bad`, `key_unknown`, `rollback`, `fork`,
   * `policy_unmet`, `proof_malformed`, ...); or `bad_argument`, where what was handed in is no key, origin or policy;
   * or `verifier_failed`, where the module could not be loaded or has a fault of its own.
   */
  kind: string;
  /** The entry that is wrong, where one can be named. */
  index: number | null;
  /** For people. */
  detail: string;
}

export interface GoodEntry extends Good {
  index: number;
  /** The entry's leaf hash, in base64. */
  leaf: string;
  /** When the log took it, as RFC 3339 with nine digits. */
  time: string;
  checkpoint: Checkpoint;
  keysUsed: string[];
  /** What is known of its producer's own signature; the key is empty unless it was verified. */
  producer: { signature: 'none' | 'key_unknown' | 'verified'; key: string };
  /** Sealed values that the disclosures open, in their order: RFC 6901 path and value. */
  opened: { path: string; value: unknown }[];
  /** How many values stay sealed. */
  withheld: number;
}

export interface GoodCheckpoint extends Good {
  checkpoint: Checkpoint;
  keysUsed: string[];
}

export interface GoodConsistency extends Good {
  old: Checkpoint;
  new: Checkpoint;
}

export interface GoodResults extends Good {
  /** The entries' indexes, in their order. */
  indexes: number[];
  checkpoint: Checkpoint;
  keysUsed: string[];
}

export interface GoodKeys extends Good {
  /** The verifier keys that are believed now: judge by these from now on. */
  vkeys: string[];
  checkpoint: Checkpoint;
  keysUsed: string[];
}

/** Verifies that an entry is in the log, by its tlog-proof; `disclosures` open sealed values of it. */
export function verifyEntry(
  evidence: Trust & { entry: Bytes; proof: Bytes; disclosures?: readonly string[] },
): Promise<GoodEntry | Bad>;

/** Verifies that a signed note is a checkpoint of the log. */
export function verifyCheckpoint(evidence: Trust & { checkpoint: Bytes }): Promise<GoodCheckpoint | Bad>;

/**
 * Verifies that the log whose checkpoint was `old` has grown to `new`, and was neither shortened nor rewritten. `proof`:
 * the hashes of the consistency proof in base64, as `GET /api/v1/logs/{log}/consistency` gives them.
 */
export function verifyConsistency(
  evidence: Trust & { old: Bytes; new: Bytes; proof: readonly string[] },
): Promise<GoodConsistency | Bad>;

/** Verifies a result file (`graven/results/v1`): each of its entries, by its one proof. */
export function verifyResults(evidence: Trust & { results: Bytes }): Promise<GoodResults | Bad>;

/**
 * Verifies a result file of entries that change the log's keys (a search for `action:graven.key target.type:log`). `vkeys` are
 * keys that were known; those that they announced, and were not ended since, are believed now.
 */
export function verifyKeys(evidence: Trust & { results: Bytes }): Promise<GoodKeys | Bad>;

/** Loads the module from elsewhere. Not needed where it lies beside index.js. */
export function load(source: Uint8Array | ArrayBuffer | WebAssembly.Module): Promise<void>;
