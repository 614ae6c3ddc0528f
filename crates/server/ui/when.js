// Conditions of saved queries as people write them (docs/search.md); the server keeps lengths in seconds and sizes in bytes.

const LENGTHS = { d: 86_400, h: 3_600, m: 60, s: 1 };
const SIZES = { T: 2 ** 40, G: 2 ** 30, M: 2 ** 20, K: 2 ** 10, '': 1 };

/** Whether it looks at the server, and asks no query. */
export const isCheck = (when) => /^(?:disk|lag|unverified) /.test(when);

/** The same condition in its largest units: `none in 3600s` is `none in 1h`. */
export function shorter(when) {
  return when.replace(/^(.* in )(\d+)s$/, (_, head, length) => head + inUnits(length, LENGTHS)).replace(/^(disk under )(\d+)$/, (_, head, size) => head + inUnits(size, SIZES));
}

function inUnits(digits, units) {
  const count = Number(digits);
  const [unit, size] = Object.entries(units).find(([, one]) => count % one === 0);
  return `${count / size}${unit}`;
}

/** Why it fired, in words. */
export function because({ reason, count, measured }) {
  const words = {
    found: () => `${count} found`, count: () => `${count} found in its time`, silence: () => 'nothing came', disk: () => `${inGiB(measured)} free`,
    lag: () => `${measured} entries cannot be found yet`, unverified: () => `not what it was, from entry ${measured} on`,
  };
  return Object.hasOwn(words, reason) ? words[reason]() : String(reason);
}

const inGiB = (bytes) => `${(bytes / SIZES.G).toFixed(1)} GiB`;
