//! `graven verify`: what is this worth, and where is it wrong first?

use graven_entry::with_causes;
use std::path::{Path, PathBuf};

use client::{Client, ClientError};
use graven_note::Policy;

use crate::connect;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::files;
use crate::flags::KeyArg;
use crate::verify::{
    Asked, CHECKPOINT_BYTES_MAX, LogReport, Memory, ProofFiles, Target, Verdict, check_data,
    check_evidence, check_export, check_proof, check_results, check_server, check_tiles,
};

/// Bytes of a policy.
const POLICY_BYTES_MAX: u64 = 1024 * 1024;

/// Arguments of `graven verify`.
#[derive(Debug, clap::Args)]
pub(crate) struct VerifyArgs {
    /// A data directory, a server's URL, an export (NDJSON file or directory of tiles), a .tlog-proof, or what `graven disclose`
    /// or `graven search --prove` wrote
    target: String,
    /// The entry that a .tlog-proof is of
    #[arg(long, value_name = "FILE")]
    entry: Option<PathBuf>,
    /// Open sealed values of the entry with the disclosures in this file, one a line
    #[arg(long, value_name = "FILE", requires = "entry")]
    disclosures: Option<PathBuf>,
    /// Keep the last checkpoint of each origin in this file, and raise the alarm where a log is rolled back or forked
    #[arg(long, value_name = "FILE")]
    remember: Option<PathBuf>,
    /// An older checkpoint, which the log has to extend
    #[arg(long, value_name = "FILE")]
    since: Option<PathBuf>,
    /// A C2SP tlog-policy: the witnesses that have to have cosigned
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// Check with this many threads [default: one a processor]
    #[arg(long, value_name = "N")]
    jobs: Option<usize>,
    /// Keep progress in this file and go on from there
    #[arg(long, value_name = "FILE")]
    resume: Option<PathBuf>,
    /// Check this log alone [default: all logs of the target]
    #[arg(long, value_name = "NAME")]
    log: Option<String>,
    #[command(flatten)]
    key: KeyArg,
}

/// Verifies the target and says what was checked and what was not.
pub(crate) fn run(context: &Context, args: &VerifyArgs) -> Result<Exit, Failure> {
    let target = Target::detect(&args.target)?;
    if args.entry.is_some() != matches!(target, Target::Proof(_)) {
        return Err(Failure::usage(
            "a .tlog-proof is checked with its entry: give --entry FILE with it, and only with it",
        ));
    }
    let asked = asked(context, args)?;
    let mut memory = args.remember.as_deref().map(Memory::open).transpose()?;
    let mut verdict = Verdict::of(&args.target);
    match &target {
        Target::Data(path) => {
            let only = context.settings.flag("log");
            check_data(context, path, only, &asked, memory.as_mut(), &mut verdict)?;
        }
        Target::Server(url) => verdict.logs = servers_logs(context, url, &asked, memory.as_mut())?,
        Target::Ndjson(path) => {
            verdict.logs.push(check_export(context, path, &asked, memory.as_mut())?);
        }
        Target::Tiles(path) => {
            verdict.logs.push(check_tiles(context, path, &asked, memory.as_mut())?);
        }
        Target::Evidence(path) => {
            verdict.logs.push(check_evidence(path, &asked, memory.as_mut())?);
        }
        Target::Results(path) => {
            verdict.logs.push(check_results(path, &asked, memory.as_mut())?);
        }
        Target::Proof(path) => {
            let entry = args.entry.as_deref().unwrap_or(Path::new(""));
            let disclosures = args.disclosures.as_deref();
            let paths = ProofFiles { proof: path, entry, disclosures };
            verdict.logs.push(check_proof(&paths, &asked, memory.as_mut())?);
        }
    }
    // What was seen of good logs is kept even where another one is bad.
    if let Some(memory) = &memory {
        memory.save()?;
    }
    verdict.print(context)
}

/// The log of `--log`, or all that the server lets us list.
fn servers_logs(
    context: &Context,
    url: &str,
    asked: &Asked,
    mut memory: Option<&mut Memory>,
) -> Result<Vec<LogReport>, Failure> {
    let client = connect::client_of(context, url)?;
    let names = match context.settings.flag("log") {
        Some(log) => vec![log.to_owned()],
        None => all_logs(context, &client)?,
    };
    let mut reports = Vec::new();
    for name in &names {
        let asked = asked.for_log(names.len() > 1, name);
        let memory = memory.as_deref_mut();
        reports.push(check_server(context, client.clone(), name, &asked, memory)?);
    }
    Ok(reports)
}

/// All logs; those of whom the server does not let us know are left out, with a word.
fn all_logs(context: &Context, client: &Client) -> Result<Vec<String>, Failure> {
    match client.logs() {
        Ok(logs) => Ok(logs.into_iter().filter(|log| log.size.0 > 0).map(|log| log.name).collect()),
        Err(ClientError::Refused(refusal)) => {
            let log = context.settings.text("log");
            context.out.note(format!(
                "the server does not list its logs to us ({}); checking only {log}",
                refusal.code
            ));
            Ok(vec![log.to_owned()])
        }
        Err(error) => Err(error.into()),
    }
}

fn asked(context: &Context, args: &VerifyArgs) -> Result<Asked, Failure> {
    let jobs = args.jobs.unwrap_or(0);
    let since = match &args.since {
        Some(path) => {
            let note = files::read(path, CHECKPOINT_BYTES_MAX)?;
            Some((path.display().to_string(), note))
        }
        None => None,
    };
    let policy = args.policy.as_deref().map(read_policy).transpose()?;
    let keys = connect::given_keys(context)?;
    let resume = args.resume.clone();
    Ok(Asked { jobs, keys, since, policy, resume, is_one_of_many: false })
}

fn read_policy(path: &Path) -> Result<Policy, Failure> {
    let bytes = files::read(path, POLICY_BYTES_MAX)?;
    Policy::parse(&bytes)
        .map_err(|error| Failure::usage(format!("{}: {}", path.display(), with_causes(&error))))
}
