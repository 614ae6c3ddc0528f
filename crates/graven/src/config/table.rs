//! The settings, in one table from which everything else follows.

/// One setting.
#[derive(Debug)]
pub(crate) struct Setting {
    /// Its key in `graven.toml`, and the id of its flag.
    pub(crate) key: &'static str,
    pub(crate) kind: Kind,
    pub(crate) default: Option<&'static str>,
    /// Never shown, and not to be given by a flag: other users see command lines.
    pub(crate) is_secret: bool,
    /// The commands that it is for, in words.
    pub(crate) used_by: &'static str,
    /// Sentences for the reference page.
    pub(crate) help: &'static str,
}

/// What a value has to look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Path,
    Url,
    Address,
    Secret,
    Text,
    LogName,
    VerifierKey,
    Addresses,
    Number,
    Switch,
    OnOff,
    Networks,
    Privileges,
    PublicUrl,
    Origins,
    TokenKeys,
    Filter,
    TraceFormat,
}

impl Setting {
    /// The flag's name, without its hyphens.
    pub(crate) fn flag(&self) -> String {
        self.key.replace('_', "-")
    }

    /// The variable of the environment.
    pub(crate) fn variable(&self) -> String {
        format!("GRAVEN_{}", self.key.to_ascii_uppercase())
    }
}

impl Kind {
    /// The kind in words, for the reference page.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Kind::Path => "path",
            Kind::Url => "URL, http or https",
            Kind::Address => "IP address and port",
            Kind::Secret | Kind::Text => "text",
            Kind::LogName => "log name, `[a-z0-9-]{1,63}`",
            Kind::VerifierKey => "verifier key, or a file of them, one a line",
            Kind::Addresses => "IP addresses, with commas between them",
            Kind::Number => "number, 1 or more",
            Kind::Switch => "`true` or `false`",
            Kind::OnOff => "`on` or `off`",
            Kind::Networks => "networks such as `10.1.0.0/16`, with commas between them",
            Kind::Privileges => "of `grant`, `reveal`, `erase`, `key`, with commas between them",
            Kind::PublicUrl => "`https://` and a name, perhaps a port; or `http://localhost`",
            Kind::Origins => {
                "`https://` and a name, perhaps a port, or `http://localhost`; several with commas"
            }
            Kind::TokenKeys => {
                "`pkcs11:` URI with `module-path` and `pin-source`, or several, one a line"
            }
            Kind::Filter => "filter such as `warn` or `server=debug,warn`",
            Kind::TraceFormat => "`text` or `json`",
        }
    }
}

const READERS: &str = "every command that talks to a server";

/// All settings, in the order of the reference page.
pub(crate) const SETTINGS: &[Setting] = &[
    Setting {
        key: "data",
        kind: Kind::Path,
        default: Some("./graven-data"),
        is_secret: false,
        used_by: "every command",
        help: "The data directory. `graven serve` makes it at its first start. Other commands take the \
               address and the admin token of a running server from it where neither is given.",
    },
    Setting {
        key: "url",
        kind: Kind::Url,
        default: Some("http://127.0.0.1:7070"),
        is_secret: false,
        used_by: READERS,
        help: "The server. Where it is not given, `server.url` in the data directory counts before the default.",
    },
    Setting {
        key: "tls_ca",
        kind: Kind::Path,
        default: None,
        is_secret: false,
        used_by: READERS,
        help: "Certificates in PEM form: the server's has to be one of them or signed by one. Without it those of the \
               web count, and for the server of `server.url` in the data directory the one that it made itself.",
    },
    Setting {
        key: "client_cert",
        kind: Kind::Path,
        default: None,
        is_secret: false,
        used_by: READERS,
        help: "A chain of certificates in PEM form, one's own first: the credential at a server whose `tls_client_ca` signed it. \
               The data directory's admin token is then not used; a `token` that was given decides before it.",
    },
    Setting {
        key: "client_key",
        kind: Kind::Path,
        default: None,
        is_secret: false,
        used_by: READERS,
        help: "The private key of `client_cert` in PEM form.",
    },
    Setting {
        key: "token",
        kind: Kind::Secret,
        default: None,
        is_secret: true,
        used_by: READERS,
        help: "The bearer token. It has no flag, because other users of a machine see command lines. Where it is \
               not given, `admin.token` in the data directory is used for the server of `server.url` there, and \
               for no other.",
    },
    Setting {
        key: "log",
        kind: Kind::LogName,
        default: Some("main"),
        is_secret: false,
        used_by: "every command for one log",
        help: "The log. `graven verify` alone does not go by it: it checks all logs of its target unless `--log` is on \
               its command line.",
    },
    Setting {
        key: "vkey",
        kind: Kind::VerifierKey,
        default: None,
        is_secret: false,
        used_by: "append, get, prove, verify, export",
        help: "The log's verifier key, got from somewhere else than the server. What is read then has to hold \
               against it.",
    },
    Setting {
        key: "listen",
        kind: Kind::Address,
        default: Some("127.0.0.1:7070"),
        is_secret: false,
        used_by: "serve",
        help: "The address to listen on; port 0 takes a free one.",
    },
    Setting {
        key: "insecure_listen",
        kind: Kind::Switch,
        default: Some("false"),
        is_secret: false,
        used_by: "serve",
        help: "Allows plain HTTP on an address that other machines reach. Tokens and events then cross the network \
               in the clear, unless something in front of the server ends TLS.",
    },
    Setting {
        key: "tls",
        kind: Kind::Switch,
        default: Some("false"),
        is_secret: false,
        used_by: "serve",
        help: "Serves TLS with a certificate that the first start makes and signs itself: `tls.crt` in the data \
               directory, which clients on other machines need as their `tls_ca`.",
    },
    Setting {
        key: "tls_cert",
        kind: Kind::Path,
        default: None,
        is_secret: false,
        used_by: "serve",
        help: "Serves TLS with this chain of certificates in PEM form, the server's own first.",
    },
    Setting {
        key: "tls_key",
        kind: Kind::Path,
        default: None,
        is_secret: false,
        used_by: "serve",
        help: "The private key of `tls_cert` in PEM form.",
    },
    Setting {
        key: "tls_client_ca",
        kind: Kind::Path,
        default: None,
        is_secret: false,
        used_by: "serve",
        help: "Certificates in PEM form: a client's own that chains to one of them is the credential of the principal that \
               `graven token create --certificate` bound its name to. Clients without one are served too. Only authorities \
               whose word on names counts: whoever signs a name is believed.",
    },
    Setting {
        key: "oidc_issuer",
        kind: Kind::Url,
        default: None,
        is_secret: false,
        used_by: "serve",
        help: "An OpenID Connect issuer whose tokens are credentials, beside the server's own: its `iss`, below which its \
               discovery document lies. HTTPS under an authority of the web, or HTTP on this machine.",
    },
    Setting {
        key: "oidc_audience",
        kind: Kind::Text,
        default: None,
        is_secret: false,
        used_by: "serve",
        help: "What has to stand in `aud` of the issuer's tokens, so that one for another service is none here. Needed with \
               `oidc_issuer`, unless there is an `oidc_client_id`.",
    },
    Setting {
        key: "oidc_client_id",
        kind: Kind::Text,
        default: None,
        is_secret: false,
        used_by: "serve",
        help: "What the issuer knows this server by: with it browsers sign in there by the authorization code flow with PKCE, at \
               `/api/v1/session/oidc`, and tokens for it count. The issuer has to know `/api/v1/session/oidc/callback` below \
               `public_url`, which is needed, as where it sends browsers back to.",
    },
    Setting {
        key: "oidc_client_secret",
        kind: Kind::Secret,
        default: None,
        is_secret: true,
        used_by: "serve",
        help: "What the server proves itself with to the issuer, where that asks for it (`client_secret_basic`).",
    },
    Setting {
        key: "oidc_roles",
        kind: Kind::Text,
        default: None,
        is_secret: false,
        used_by: "serve",
        help: "What values of the claim `oidc_roles_claim` give: `VALUE=ROLE` or `VALUE=ROLE@LOG`, with commas between them. \
               Whose token gives no role is not let in.",
    },
    Setting {
        key: "oidc_roles_claim",
        kind: Kind::Text,
        default: Some("roles"),
        is_secret: false,
        used_by: "serve",
        help: "The claim that holds a person's roles or groups at the issuer, a text or a list; from a `/` on a JSON pointer \
               such as `/realm_access/roles`.",
    },
    Setting {
        key: "oidc_acr",
        kind: Kind::Text,
        default: None,
        is_secret: false,
        used_by: "serve",
        help: "Values, with commas between them: `acr` of an issuer's token has to be one of them for what is privileged, \
               which is grants, reveals, erasures and keys.",
    },
    Setting {
        key: "oidc_amr",
        kind: Kind::Text,
        default: None,
        is_secret: false,
        used_by: "serve",
        help: "The same of `amr`, which has to hold one of them: `otp,hwk`, say, for a second factor.",
    },
    Setting {
        key: "proxies",
        kind: Kind::Addresses,
        default: None,
        is_secret: false,
        used_by: "serve",
        help: "The addresses of proxies before the server. Only from these is `X-Forwarded-For` believed, as far as \
               they wrote it: for lockouts, and for where an access came from in its record.",
    },
    Setting {
        key: "four_eyes",
        kind: Kind::Privileges,
        default: None,
        is_secret: false,
        used_by: "serve",
        help: "What one person may not do alone: another who has the right has to approve it first. A change of this is an \
               entry of `system` at the next start.",
    },
    Setting {
        key: "strong_auth",
        kind: Kind::Privileges,
        default: None,
        is_secret: false,
        used_by: "serve",
        help: "What a token alone is not enough for: it needs a session with a second factor. `grant` is all that an owner \
               grants and lists, `reveal` opening values and looking up pseudonyms, `erase` erasing, `key` every change of \
               keys. A change of this is an entry of `system` at the next start.",
    },
    Setting {
        key: "public_url",
        kind: Kind::PublicUrl,
        default: None,
        is_secret: false,
        used_by: "serve",
        help: "The address under which browsers know the server. Passkeys are bound to its name: with another they are \
               of no use, without one there are none. With `https://` cookies go over TLS only.",
    },
    Setting {
        key: "view_origins",
        kind: Kind::Origins,
        default: None,
        is_secret: false,
        used_by: "serve",
        help: "Whose pages may embed views of a log (`docs/access.md`) in an iframe, as addresses without a path. Without it \
               no page may; view links are good all the same.",
    },
    Setting {
        key: "requests_per_s",
        kind: Kind::Number,
        default: None,
        is_secret: false,
        used_by: "serve",
        help: "Requests of one principal in a second, with one second's worth in advance; without it there is no \
               limit. Over it answers are 429.",
    },
    Setting {
        key: "bytes_per_s",
        kind: Kind::Number,
        default: None,
        is_secret: false,
        used_by: "serve",
        help: "Bytes of bodies of one principal in a second. A body that is larger is taken, and waited for before \
               the next.",
    },
    Setting {
        key: "body_bytes_max",
        kind: Kind::Number,
        default: None,
        is_secret: false,
        used_by: "serve",
        help: "Bytes of one body of a principal, after decompression; without it what the server takes at all, 16777216. \
               Over it answers are 413.",
    },
    Setting {
        key: "blob_bytes_max",
        kind: Kind::Number,
        default: Some("8388608"),
        is_secret: false,
        used_by: "serve",
        help: "Bytes of a blob; no more than 16777216, which any body may have.",
    },
    Setting {
        key: "unrecorded_reads",
        kind: Kind::Switch,
        default: Some("false"),
        is_secret: false,
        used_by: "serve",
        help: "Lets reads go on where a full disk has no room left to record them. Without it they are refused.",
    },
    Setting {
        key: "guard",
        kind: Kind::Path,
        default: None,
        is_secret: false,
        used_by: "serve, restore",
        help: "A file on another device that records the last size and root signed for each log. It is asked at \
               every start, so that a restored or rolled back data directory never signs a second history.",
    },
    Setting {
        key: "keys",
        kind: Kind::Path,
        default: None,
        is_secret: false,
        used_by: "serve",
        help: "The directory of the signing keys; without it `keys/` in the data directory. Beside the data they \
               are lost and stolen with it.",
    },
    Setting {
        key: "master_key",
        kind: Kind::Secret,
        default: None,
        is_secret: true,
        used_by: "serve",
        help: "The keyring's master key: the base64 of 32 random bytes, and below it older ones while a rotation \
               needs them; or what `master_key_uri` takes. Where neither is given, the systemd credential `graven.master-key` counts, then \
               `master.key` in the directory of the signing keys, which the first start makes.",
    },
    Setting {
        key: "master_key_uri",
        kind: Kind::TokenKeys,
        default: None,
        is_secret: false,
        used_by: "serve",
        help: "An AES key in a PKCS#11 token that the master key is encrypted under: `pkcs11:token=audit;object=graven?\
               module-path=/usr/lib/softhsm/libsofthsm2.so&pin-source=file:/etc/graven/pin`. What it encrypts is \
               `master.wrapped` in the directory of the signing keys, which the first start makes. Further lines name older \
               keys, for reading. Not together with `master_key`.",
    },
    Setting {
        key: "seal_policy",
        kind: Kind::Path,
        default: None,
        is_secret: false,
        used_by: "serve",
        help: "What is sealed in each log: JSON, `{\"<log>\":{\"rules\":[{\"path\":\"changes.*.iban\",\
               \"class\":\"pii\",\"subject\":\"target.id\"}],\"unsealed\":\"flag\"}}`. A class is `pii`, `phi`, `pan`, \
               `secret` or `pseudonym`; `unsealed` says what is done about values that look like card numbers, \
               private keys or tokens: `flag`, `seal` or `refuse`.",
    },
    Setting {
        key: "search",
        kind: Kind::OnOff,
        default: Some("on"),
        is_secret: false,
        used_by: "serve",
        help: "Whether entries can be searched: `docs/search.md`. The indexes lie in `derived/` of the data directory; off, they are \
               left as they are, and brought up to date when it is on again.",
    },
    Setting {
        key: "webhook_networks",
        kind: Kind::Networks,
        default: None,
        is_secret: false,
        used_by: "serve",
        help: "Networks that webhooks of saved queries may reach although they are not public: `docs/search.md`. Without it they go to \
               public addresses alone, over TLS; to these they may go in clear.",
    },
    Setting {
        key: "otlp_endpoint",
        kind: Kind::Url,
        default: None,
        is_secret: false,
        used_by: "serve",
        help: "Tell the metrics to the OpenTelemetry collector at this address, such as `http://127.0.0.1:4318`: by OTLP over HTTP in JSON, \
               at the start, every minute and at the stop (`docs/operations.md`).",
    },
    Setting {
        key: "sql",
        kind: Kind::OnOff,
        default: Some("on"),
        is_secret: false,
        used_by: "serve",
        help: "Whether SQL is answered: `docs/sql.md`. The columns lie in `derived/` of the data directory; off, they are left as they \
               are, and brought up to date when it is on again. A build without the feature `sql` has none.",
    },
    Setting {
        key: "pg_listen",
        kind: Kind::Address,
        default: None,
        is_secret: false,
        used_by: "serve",
        help: "The address on which clients of PostgreSQL's protocol are answered (`docs/sql.md`): psql, JDBC and what stands on them. \
               TLS is as over HTTP: without it only on this machine, unless `insecure_listen` is on.",
    },
    Setting {
        key: "trace",
        kind: Kind::Filter,
        default: Some("warn"),
        is_secret: false,
        used_by: "serve",
        help: "What the server tells of its work on standard error.",
    },
    Setting {
        key: "trace_format",
        kind: Kind::TraceFormat,
        default: Some("text"),
        is_secret: false,
        used_by: "serve",
        help: "The form in which it is told.",
    },
];
