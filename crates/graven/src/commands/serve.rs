//! `graven serve`: the server, from first start to graceful stop.

use std::collections::BTreeSet;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use access::{Privilege, RateLimits, RelyingParty};
use env::Random;
use graven_entry::Name;
use log::{Cell, CellOptions, Env, OpenError, OpenReport};
use server::limits::BODY_BYTES_MAX;
use server::{
    Finders, Gate, GateError, GateOptions, Lakes, OidcClient, OidcOptions, OnIndexed, Sealing,
    Server, ServerLimits, ServerOptions,
};
use store::{JournalError, StoreError};
use tokio::signal::unix::{SignalKind, signal};

use crate::certificate;
use crate::config::Settings;
use crate::context::Context;
use crate::descriptors;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::files;
use crate::progress::Catching;

/// Bytes of randomness in the admin token.
const TOKEN_RANDOM_BYTES: usize = 32;

/// Bytes of a token file.
const TOKEN_FILE_BYTES_MAX: u64 = 4096;

/// Arguments of `graven serve`.
#[derive(Debug, clap::Args)]
pub(crate) struct ServeArgs {
    /// Listen on this address; port 0 takes a free one [env: GRAVEN_LISTEN] [default: 127.0.0.1:7070]
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    /// Allow plain HTTP on an address that other machines reach [env: GRAVEN_INSECURE_LISTEN]
    #[arg(long)]
    insecure_listen: bool,
    /// Serve TLS with a certificate that the first start makes and signs itself [env: GRAVEN_TLS]
    #[arg(long)]
    tls: bool,
    /// Serve TLS with this chain of certificates in PEM form, the server's own first [env: GRAVEN_TLS_CERT]
    #[arg(long, value_name = "FILE")]
    tls_cert: Option<String>,
    /// The private key of --tls-cert in PEM form [env: GRAVEN_TLS_KEY]
    #[arg(long, value_name = "FILE")]
    tls_key: Option<String>,
    /// Take client certificates that chain to these, in PEM form, as credentials [env: GRAVEN_TLS_CLIENT_CA]
    #[arg(long, value_name = "FILE")]
    tls_client_ca: Option<String>,
    /// Take tokens of this OpenID Connect issuer as credentials [env: GRAVEN_OIDC_ISSUER]
    #[arg(long, value_name = "URL")]
    oidc_issuer: Option<String>,
    /// What has to stand in their `aud` [env: GRAVEN_OIDC_AUDIENCE]
    #[arg(long, value_name = "TEXT")]
    oidc_audience: Option<String>,
    /// What the issuer knows this server by; with it browsers sign in there [env: GRAVEN_OIDC_CLIENT_ID]
    #[arg(long, value_name = "TEXT")]
    oidc_client_id: Option<String>,
    /// What their roles give: VALUE=ROLE or VALUE=ROLE@LOG, with commas between them [env: GRAVEN_OIDC_ROLES]
    #[arg(long, value_name = "ROLES")]
    oidc_roles: Option<String>,
    /// The claim of those roles, or a JSON pointer to it [env: GRAVEN_OIDC_ROLES_CLAIM] [default: roles]
    #[arg(long, value_name = "NAME")]
    oidc_roles_claim: Option<String>,
    /// Do what is privileged only for one of these in `acr`, with commas between them [env: GRAVEN_OIDC_ACR]
    #[arg(long, value_name = "VALUES")]
    oidc_acr: Option<String>,
    /// Do what is privileged only for one of these in `amr`, with commas between them [env: GRAVEN_OIDC_AMR]
    #[arg(long, value_name = "VALUES")]
    oidc_amr: Option<String>,
    /// Believe X-Forwarded-For from these addresses, with commas between them [env: GRAVEN_PROXIES]
    #[arg(long, value_name = "ADDRESSES")]
    proxies: Option<String>,
    /// Have a second person approve these: of grant, reveal, erase, key, with commas between them [env: GRAVEN_FOUR_EYES]
    #[arg(long, value_name = "WHAT")]
    four_eyes: Option<String>,
    /// Ask a second factor for these: of grant, reveal, erase, key, with commas between them [env: GRAVEN_STRONG_AUTH]
    #[arg(long, value_name = "WHAT")]
    strong_auth: Option<String>,
    /// The address that browsers know, for which passkeys are made [env: GRAVEN_PUBLIC_URL]
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    /// Let these embed views of a log: origins, with commas between them [env: GRAVEN_VIEW_ORIGINS]
    #[arg(long, value_name = "ORIGINS")]
    view_origins: Option<String>,
    /// Take at most this many requests of one principal in a second [env: GRAVEN_REQUESTS_PER_S]
    #[arg(long, value_name = "N")]
    requests_per_s: Option<String>,
    /// Take at most this many bytes of one principal in a second [env: GRAVEN_BYTES_PER_S]
    #[arg(long, value_name = "N")]
    bytes_per_s: Option<String>,
    /// Take at most this many bytes in one body of a principal [env: GRAVEN_BODY_BYTES_MAX]
    #[arg(long, value_name = "N")]
    body_bytes_max: Option<String>,
    /// Take blobs of at most this many bytes [env: GRAVEN_BLOB_BYTES_MAX] [default: 8388608]
    #[arg(long, value_name = "N")]
    blob_bytes_max: Option<String>,
    /// Let reads go on where a full disk has no room to record them [env: GRAVEN_UNRECORDED_READS]
    #[arg(long)]
    unrecorded_reads: bool,
    /// Keep a record of what was signed in this file on another device, and ask it at every start
    /// [env: GRAVEN_GUARD]
    #[arg(long, value_name = "FILE")]
    guard: Option<String>,
    /// The directory of the signing keys [env: GRAVEN_KEYS] [default: keys/ in the data directory]
    #[arg(long, value_name = "DIR")]
    keys: Option<String>,
    /// The origin of the log `main`, at the first start only
    #[arg(long, value_name = "NAME")]
    origin: Option<String>,
    /// The clock is right, although it is far from the last entry's time
    #[arg(long)]
    confirm_clock: bool,
    /// The guard file is a new one, although the data directory is not
    #[arg(long)]
    new_guard: bool,
    /// Keys that are missing are lost: their logs end and go on as successors, and if it is the key of tokens, every token
    /// ends and admin.token has every right again
    #[arg(long)]
    lost_keys: bool,
    /// Use a network or FUSE file system, whose locks and flushes cannot be relied on
    #[arg(long)]
    force_filesystem: bool,
    /// The AES key in a PKCS#11 token that the master key is encrypted under [env: GRAVEN_MASTER_KEY_URI]
    #[arg(long, value_name = "URI")]
    master_key_uri: Option<String>,
    /// What is sealed in each log, a file of rules [env: GRAVEN_SEAL_POLICY]
    #[arg(long, value_name = "FILE")]
    seal_policy: Option<String>,
    /// Keep search indexes, on or off [env: GRAVEN_SEARCH] [default: on]
    #[arg(long, value_name = "on|off")]
    search: Option<String>,
    /// Let webhooks reach these networks, which are not public [env: GRAVEN_WEBHOOK_NETWORKS]
    #[arg(long, value_name = "NETWORKS")]
    webhook_networks: Option<String>,
    /// Tell the metrics to the OpenTelemetry collector at this address [env: GRAVEN_OTLP_ENDPOINT]
    #[arg(long, value_name = "URL")]
    otlp_endpoint: Option<String>,
    /// Keep columns and answer SQL, on or off, where this build can [env: GRAVEN_SQL] [default: on]
    #[arg(long, value_name = "on|off")]
    sql: Option<String>,
    /// Answer clients of PostgreSQL's protocol on this address [env: GRAVEN_PG_LISTEN]
    #[arg(long, value_name = "ADDRESS")]
    pg_listen: Option<String>,
    /// Tell this much of the work on standard error [env: GRAVEN_TRACE] [default: warn]
    #[arg(long, value_name = "FILTER")]
    trace: Option<String>,
    /// Tell it as text or json [env: GRAVEN_TRACE_FORMAT] [default: text]
    #[arg(long, value_name = "FORMAT")]
    trace_format: Option<String>,
}

/// A file that says where the server is, while it is there.
struct UrlFile {
    path: PathBuf,
}

/// Runs the server until it is told to stop.
pub(crate) fn run(context: &Context, args: &ServeArgs) -> Result<Exit, Failure> {
    let listen = listen_address(context)?;
    let options =
        ServerOptions { limits: limits(context)?, ..server_options(&context.settings, listen) };
    start_tracing(context)?;
    let environment = Env::real();
    let (cell, report, sealing) = open(context, args, environment.clone())?;
    let options = ServerOptions { sealing: Some(sealing), ..options };
    let result = serve(context, args, &cell, options, (&environment, &report));
    // Also after an error: what was accepted is committed and answered.
    cell.stop();
    result?;
    context.out.note("stopped");
    Ok(Exit::Good)
}

fn serve(
    context: &Context,
    args: &ServeArgs,
    cell: &Cell,
    options: ServerOptions,
    (environment, report): (&Env, &OpenReport),
) -> Result<(), Failure> {
    let data = &context.settings.path("data");
    let keys = context.settings.given_path("keys").unwrap_or_else(|| data.join("keys"));
    let admin_token = admin_token(&data.join("admin.token"), environment.random.as_ref())?;
    let lost_keys = args.lost_keys;
    let rates = rates(&context.settings);
    let oidc = oidc(&context.settings);
    let seal_policy = options.sealing.as_ref().map(|sealing| sealing.policy().clone());
    let gate_options = GateOptions {
        rates,
        lost_keys,
        oidc,
        four_eyes: privileges(&context.settings, "four_eyes"),
        strong_auth: privileges(&context.settings, "strong_auth"),
        seal_policy: seal_policy.unwrap_or_default(),
        ..sessions(&context.settings, GateOptions::new(admin_token, keys.clone()))
    };
    let gate = gate(cell, environment, gate_options)?;
    let tls = certificate::tls(&context.settings, data, &keys, options.listen.ip())?;
    let scheme = if tls.is_some() { "https" } else { "http" };
    let (finders, lakes) = (finders(context)?, lakes(&context.settings)?);
    let pg_listen = pg_address(context)?;
    if pg_listen.is_some() && lakes.is_none() {
        let hint = "Leave --sql on, and have a build with SQL: cargo build --release -p graven --features sql.";
        return Err(Failure::usage("--pg-listen needs SQL, and there is none").hint(hint));
    }
    let options = ServerOptions { tls, finders, lakes, pg_listen, ..options };
    let server = Server::bind(cell.clone(), gate, options)
        .map_err(|error| Failure::caused(Exit::Unreachable, "cannot start", &error))?;
    let url = url_of(scheme, server.local_addr());
    let url_file = UrlFile::write(context, &data.join("server.url"), &url);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("graven-http")
        .build()
        .map_err(|error| {
            Failure::new(Exit::Unreachable, format!("cannot start threads: {error}"))
        })?;
    let result = runtime.block_on(async {
        let shutdown = shutdown_signal()?;
        if let Some(address) = server.pg_addr() {
            context.out.note(format!("answering PostgreSQL's protocol on {address}"));
        }
        // Whoever waited for this may tell it to stop at once: the handlers are in place.
        tell(context, cell, data, &url, report);
        server.run(shutdown).await
    });
    drop(url_file);
    result.map_err(|error| Failure::new(Exit::Unreachable, format!("the server stopped: {error}")))
}

/// What finds entries, unless search is off.
fn finders(context: &Context) -> Result<Option<Arc<Finders>>, Failure> {
    let settings = &context.settings;
    if settings.text("search") == "off" {
        return Ok(None);
    }
    let catching = Catching::new(context.out);
    let told: OnIndexed = Arc::new(move |log, progress| catching.told(log, progress.lag()));
    let finders = Finders::start(&settings.path("data").join("derived"), told);
    Ok(Some(Arc::new(finders.map_err(|error| no_threads(&error))?)))
}

/// What answers SQL, unless it is off or not in this build.
fn lakes(settings: &Settings) -> Result<Option<Arc<Lakes>>, Failure> {
    if settings.text("sql") == "off" {
        return Ok(None);
    }
    let lakes = Lakes::start(&settings.path("data").join("derived"));
    Ok(lakes.map_err(|error| no_threads(&error))?.map(Arc::new))
}

fn no_threads(error: &std::io::Error) -> Failure {
    Failure::new(Exit::Unreachable, format!("cannot start threads: {error}"))
}

/// The limits, as far as the system lets them be.
fn limits(context: &Context) -> Result<ServerLimits, Failure> {
    let mut limits = ServerLimits::default();
    let blob_bytes_max = context.settings.text("blob_bytes_max").parse();
    limits.blob_bytes_max = blob_bytes_max.unwrap_or(usize::MAX).min(BODY_BYTES_MAX);
    let fit = descriptors::connections_max()?;
    if fit < limits.connections_max {
        context.out.warn(format!(
            "room for {fit} connections, not {}: the limit on open files is low (ulimit -Hn)",
            limits.connections_max
        ));
        limits.connections_max = fit;
    }
    Ok(limits)
}

fn open(
    context: &Context,
    args: &ServeArgs,
    environment: Env,
) -> Result<(Cell, OpenReport, Arc<Sealing>), Failure> {
    let settings = &context.settings;
    let main_origin = args.origin.as_deref().map(Name::origin).transpose();
    let main_origin =
        main_origin.map_err(|error| Failure::usage(format!("--origin does not fit: {error}")))?;
    let data = settings.path("data");
    let options = CellOptions {
        main_origin,
        guard: settings.given_path("guard"),
        keys_dir: settings.given_path("keys"),
        confirm_clock: args.confirm_clock,
        new_guard: args.new_guard,
        lost_keys: args.lost_keys,
        force_filesystem: args.force_filesystem,
        ..CellOptions::new(&data)
    };
    let (cell, report) =
        Cell::open(environment.clone(), options).map_err(|error| open_failure(&data, &error))?;
    // A cell that is dropped stops.
    let sealing = super::sealing::start(context, (&cell, &report), &environment)?;
    Ok((cell, report, sealing))
}

/// What a setting names of what is privileged.
fn privileges(settings: &Settings, key: &str) -> BTreeSet<Privilege> {
    let names = settings.given(key).unwrap_or_default().split(',');
    names.filter_map(|one| Privilege::parse(one.trim())).collect()
}

/// How browsers reach the server: something in front of it may end TLS.
fn sessions(settings: &Settings, options: GateOptions) -> GateOptions {
    let public = settings.given("public_url").and_then(RelyingParty::parse);
    let is_public_tls = public.as_ref().is_some_and(|site| site.origin.starts_with("https:"));
    let is_secure = certificate::is_asked(settings) || is_public_tls;
    let origins = settings.given("view_origins").unwrap_or_default().split(',');
    let origins = origins.filter_map(|one| RelyingParty::parse(one.trim()));
    let view_origins = origins.map(|site| site.origin).collect();
    GateOptions { public, is_secure, view_origins, ..options }
}

/// What one principal may send.
fn rates(settings: &Settings) -> RateLimits {
    let number = |key| settings.given(key).and_then(|text| text.parse().ok());
    RateLimits {
        requests_per_s: number("requests_per_s"),
        bytes_per_s: number("bytes_per_s"),
        body_bytes_max: number("body_bytes_max"),
    }
}

/// Whose tokens are believed beside the server's own.
fn oidc(settings: &Settings) -> Option<OidcOptions> {
    let text = |key| settings.given(key).unwrap_or_default().to_owned();
    let texts = |key| {
        let given = settings.given(key).unwrap_or_default().split(',').map(str::trim);
        given.filter(|one| !one.is_empty()).map(str::to_owned).collect()
    };
    Some(OidcOptions {
        issuer: settings.given("oidc_issuer")?.to_owned(),
        audience: text("oidc_audience"),
        roles_claim: settings.text("oidc_roles_claim").to_owned(),
        roles: text("oidc_roles"),
        acr: texts("oidc_acr"),
        amr: texts("oidc_amr"),
        client: settings.given("oidc_client_id").map(|id| OidcClient {
            id: id.to_owned(),
            secret: settings.given("oidc_client_secret").map(|text| text.to_owned().into()),
        }),
    })
}

fn server_options(settings: &Settings, listen: SocketAddr) -> ServerOptions {
    let proxies = settings.given("proxies").unwrap_or_default().split(',');
    ServerOptions {
        webhook_networks: settings
            .given("webhook_networks")
            .and_then(|text| text.parse().ok())
            .unwrap_or_default(),
        collector: settings.given("otlp_endpoint").map(str::to_owned),
        derived: Some(settings.path("data").join("derived")),
        proxies: proxies.filter_map(|one| one.trim().parse().ok()).collect(),
        reads_unrecorded: settings.is_on("unrecorded_reads"),
        ..ServerOptions::new(listen)
    }
}

/// The gate of a server over this cell. A `system` log that is not what it was is a failed verification.
pub(crate) fn gate(
    cell: &Cell,
    environment: &Env,
    options: GateOptions,
) -> Result<Arc<Gate>, Failure> {
    let gate = Gate::open(cell, environment, &options).map_err(|error| {
        let exit = match error {
            GateError::Changed { .. } | GateError::Replay { .. } => Exit::Bad,
            GateError::Oidc(_) => Exit::Usage,
            _ => Exit::Unreachable,
        };
        Failure::caused(exit, "cannot tell who may do what", &error)
    })?;
    Ok(Arc::new(gate))
}

/// Why a data directory was not opened: corruption is a failed verification, all else is out of reach.
pub(crate) fn open_failure(data: &Path, error: &OpenError) -> Failure {
    let exit = match error {
        OpenError::Corrupt { .. }
        | OpenError::Journal(JournalError::Corrupt { .. })
        | OpenError::Store(StoreError::Corrupt { .. }) => Exit::Bad,
        _ => Exit::Unreachable,
    };
    Failure::caused(exit, format!("cannot open {}", data.display()), error)
}

/// The address to listen on; refused where it would put tokens and events on the network in the clear.
fn listen_address(context: &Context) -> Result<SocketAddr, Failure> {
    private_address(context, "--listen", context.settings.text("listen"))
}

/// Where PostgreSQL's protocol is answered, if anywhere.
fn pg_address(context: &Context) -> Result<Option<SocketAddr>, Failure> {
    let text = context.settings.given("pg_listen");
    text.map(|text| private_address(context, "--pg-listen", text)).transpose()
}

/// An address that nobody can listen in on.
fn private_address(context: &Context, flag: &str, text: &str) -> Result<SocketAddr, Failure> {
    let address: SocketAddr =
        text.parse().map_err(|error| Failure::usage(format!("{flag} {text}: {error}")))?;
    let is_private = address.ip().is_loopback() || certificate::is_asked(&context.settings);
    if is_private || context.settings.is_on("insecure_listen") {
        return Ok(address);
    }
    let message =
        format!("{address} can be reached from other machines, and nothing hides what goes there");
    Err(Failure::usage(message).hint(
        "Serve TLS with --tls or --tls-cert, listen on 127.0.0.1 behind a proxy that ends it, or say --insecure-listen if the network is yours.",
    ))
}

/// The token of the file; at the first start it is drawn and written, for its owner's eyes only.
fn admin_token(path: &Path, random: &dyn Random) -> Result<String, Failure> {
    if let Some(bytes) = files::read_if_there(path, TOKEN_FILE_BYTES_MAX)? {
        let token = String::from_utf8_lossy(&bytes).trim().to_owned();
        if token.is_empty() {
            let message = format!("{} is empty", path.display());
            return Err(Failure::bad(message).hint("Remove it to have a new token made."));
        }
        return Ok(token);
    }
    let mut bytes = [0; TOKEN_RANDOM_BYTES];
    random.fill(&mut bytes);
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let token = format!("graven_{hex}");
    files::create_secret(path, format!("{token}\n").as_bytes())
        .map_err(|error| Failure::file("create", path, &error))?;
    Ok(token)
}

/// Says what was done and what to do next.
fn tell(context: &Context, cell: &Cell, data: &Path, url: &str, report: &OpenReport) {
    let out = context.out;
    if let Some(slot) = report.truncated_slot {
        out.warn(format!("the journal's last frame, slot {slot}, was not whole and was left out; nobody had a receipt for it"));
    }
    for (log, why) in &report.ended {
        out.warn(format!("log {log} is read-only: {why}"));
    }
    let vkey = data.join("logs/main/vkey");
    if report.first_start {
        let origin = cell.log("main").map(|log| log.origin().to_string());
        out.note(format!("made the data directory {}", data.display()));
        out.note(format!("  log main         {}", origin.unwrap_or_default()));
        out.note(format!("  its verifier key {}", vkey.display()));
        out.note(format!("  admin token      {}", data.join("admin.token").display()));
        out.note("Keep a copy of the verifier key elsewhere: whoever has it can check the log without you.");
        let data_flag = match context.settings.given("data") {
            Some(data) => format!(" --data {data}"),
            None => String::new(),
        };
        out.note("Next, in another terminal:");
        out.note(format!(
            "  echo '{{\"actor\":{{\"type\":\"user\",\"id\":\"me\"}},\"action\":\"hello.world\"}}' | graven append{data_flag}"
        ));
        out.note(format!("  graven verify {}", data.display()));
    }
    // The last line of a start: whoever waits for the server waits for it.
    out.note(format!("listening on {url}"));
}

/// Where clients on this machine reach the server.
fn url_of(scheme: &str, address: SocketAddr) -> String {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    format!("{scheme}://{}", SocketAddr::new(ip, address.port()))
}

/// Done at the first SIGINT or SIGTERM. The handlers are in place when this returns.
fn shutdown_signal() -> std::io::Result<impl Future<Output = ()>> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

fn start_tracing(context: &Context) -> Result<(), Failure> {
    let filter = context
        .settings
        .text("trace")
        .parse::<tracing_subscriber::EnvFilter>()
        .map_err(|error| Failure::usage(format!("--trace: {error}")))?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    if context.settings.text("trace_format") == "json" {
        builder.json().init();
    } else {
        let is_terminal = std::io::IsTerminal::is_terminal(&std::io::stderr());
        builder.with_ansi(is_terminal).init();
    }
    Ok(())
}

impl UrlFile {
    /// Without room for the file the server serves what there is all the same, and its address has to be given.
    fn write(context: &Context, path: &Path, url: &str) -> UrlFile {
        if let Err(failure) = files::write(path, format!("{url}\n").as_bytes()) {
            context.out.warn(format!("{}; other commands need --url {url}", failure.message));
            // One that a crash left would send them elsewhere.
            drop(fs::remove_file(path));
        }
        UrlFile { path: path.to_owned() }
    }
}

impl Drop for UrlFile {
    /// A crash leaves the file behind; the next start replaces it.
    fn drop(&mut self) {
        drop(fs::remove_file(&self.path));
    }
}
