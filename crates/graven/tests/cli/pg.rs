//! PostgreSQL's protocol: the real psql, and a client of our own for what psql does not do.

use std::io::{BufRead as _, BufReader, ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use super::fixture::{Fixture, events};

/// A query that does not end within any limit.
const ENDLESS: &str = "SELECT count(*) FROM generate_series(1, 1000000) a, generate_series(1, 1000000) b WHERE a.value + b.value < 0";
/// Patience with an answer.
const PATIENCE: Duration = Duration::from_mins(1);
/// Between two attempts to cancel.
const AGAIN: Duration = Duration::from_millis(50);
/// Times that an interrupt may come between two statements of psql.
const INTERRUPTED_BETWEEN_MAX: u32 = 6;

/// A server that speaks the protocol, with 60 events; its address and its admin's token.
struct Site {
    fixture: Fixture,
    address: String,
    token: String,
}

impl Site {
    /// Waits until a principal's statement stands in `system`: searches are written down together, twice a second.
    fn wait_until_told(&self, actor: &str, statement: &str) {
        let query = format!("action:graven.search actor:{actor} outcome:success");
        let began = Instant::now();
        loop {
            let ran = self
                .fixture
                .run_with(&["search", &query, "--log", "system", "--wait", "--json"], "");
            let told: Value = serde_json::from_str(&ran.stdout).unwrap();
            let is_told = told["results"].as_array().unwrap().iter().any(|result| {
                let queries = result["event"]["data"]["queries"].as_array();
                queries.is_some_and(|all| all.contains(&json!(statement)))
            });
            if is_told {
                return;
            }
            assert!(began.elapsed() < PATIENCE, "{told:#}");
            std::thread::sleep(AGAIN);
        }
    }

    /// None, and said so, where psql is not installed.
    fn with_psql(test: &str, args: &[&str]) -> Option<Site> {
        if Command::new("psql").arg("--version").output().is_err() {
            println!("SKIP {test}: psql is missing (apt install postgresql-client)");
            return None;
        }
        Some(Site::new(args))
    }

    fn new(args: &[&str]) -> Site {
        let mut fixture = Fixture::empty();
        let said = fixture.serve(&[&["--pg-listen", "127.0.0.1:0"], args].concat());
        let told = "answering PostgreSQL's protocol on ";
        let address = said.lines().find_map(|line| line.strip_prefix(told)).expect("it says where");
        let address = address.to_owned();
        let token = fixture.read("graven-data/admin.token").trim().to_owned();
        fixture.check_with(&["append"], &events(0, 60), 0, &[], &[]);
        fixture.check(&["sql", "SELECT 1", "--wait"], 0, &[], &[]);
        Site { fixture, address, token }
    }

    fn psql_command(&self, token: &str, more: &str) -> Command {
        let (host, port) = self.address.rsplit_once(':').unwrap();
        let mut psql = Command::new("psql");
        psql.args(["-X", "-w", "-At", "-v", "ON_ERROR_STOP=1", "-v", "VERBOSITY=verbose", "-d"]);
        psql.arg(format!("host={host} port={port} user=anyone {more}"));
        psql.env("PGPASSWORD", token).env("PGCONNECT_TIMEOUT", "30");
        psql
    }

    fn psql_as(&self, token: &str, more: &str, statement: &str) -> Output {
        self.psql_command(token, more).args(["-c", statement]).output().unwrap()
    }

    /// What psql prints, without frames.
    fn psql(&self, statement: &str) -> String {
        let ran = self.psql_as(&self.token, "dbname=main", statement);
        assert!(ran.status.success(), "{statement}: {ran:?}");
        String::from_utf8(ran.stdout).unwrap()
    }

    fn check_psql(&self, statement: &str, expected: &str) {
        assert_eq!(self.psql(statement), expected, "{statement}");
    }

    /// What psql prints of an error.
    fn psql_error(&self, token: &str, more: &str, statement: &str) -> String {
        let ran = self.psql_as(token, more, statement);
        assert!(!ran.status.success(), "{statement}: {ran:?}");
        String::from_utf8(ran.stderr).unwrap()
    }

    /// The rows of a statement as HTTP gives them, in psql's form.
    fn http(&self, statement: &str, between: &str) -> String {
        let answer = self.fixture.json(&["sql", statement], 0);
        let plain = |value: &Value| match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let line = |row: &Value| {
            row.as_array().unwrap().iter().map(plain).collect::<Vec<_>>().join(between) + "\n"
        };
        answer["rows"].as_array().unwrap().iter().map(line).collect()
    }
}

#[test]
fn psql_is_answered_as_http_is() {
    let Some(site) = Site::with_psql("psql_is_answered_as_http_is", &[]) else { return };
    for statement in [
        "SELECT count(*) FROM events WHERE action = 'invoice.update'",
        "SELECT actor_id, count(*) FROM events WHERE actor_id LIKE 'u-%' GROUP BY 1 ORDER BY 1",
        "SELECT index, id FROM events WHERE index BETWEEN 10 AND 14 ORDER BY index DESC",
        "SELECT e.index FROM events e JOIN entries n ON n.index = e.index WHERE e.id = 'e-7'",
        "SELECT CASE WHEN max(index) > 10 THEN 'many' ELSE 'few' END, avg(index) FROM events",
    ] {
        let rows = site.http(statement, "|");
        assert!(!rows.is_empty(), "{statement}");
        assert_eq!(site.psql(statement), rows, "{statement}");
    }
    let time = site.psql("SELECT time FROM events WHERE index = 3");
    assert!(time.trim().ends_with("+00"), "{time}");
    assert!(site.psql("SELECT leaf_hash FROM entries WHERE index = 3").starts_with("\\x"));
    assert_eq!(site.psql("SELECT 1; SELECT 2"), "1\n2\n");
    assert_eq!(site.psql("BEGIN; SELECT 1; COMMIT"), "BEGIN\n1\nCOMMIT\n");
    assert_eq!(site.psql("SET application_name = 'x'; SHOW server_version"), "SET\n16.0\n");
    assert_eq!(site.psql("SELECT now() > time FROM events WHERE index = 3"), "t\n");
    assert!(site.psql("SELECT version()").starts_with("PostgreSQL 16.0 (Graven "));
    assert_eq!(site.psql("SELECT current_database()"), "main\n");
}

#[test]
fn psql_is_told_of_the_tables() {
    let Some(site) = Site::with_psql("psql_is_told_of_the_tables", &[]) else { return };
    let all = ["changes", "checkpoints", "entries", "events", "gaps", "streams"];
    let line = |name: &str| format!("public|{name}|table|");
    let tables: Vec<String> = site.psql("\\dt").lines().map(str::to_owned).collect();
    assert_eq!(tables.len(), all.len(), "{tables:?}");
    assert!(tables.iter().zip(all).all(|(told, name)| told.starts_with(&line(name))), "{tables:?}");
    let columns = site.psql("\\d events");
    for column in ["index|bigint|", "time|timestamp with time zone|", "actor_id|text|"] {
        assert!(columns.lines().any(|line| line.starts_with(column)), "{columns}");
    }
    let described = site.http("DESCRIBE events", "|");
    assert_eq!(columns.lines().count(), described.lines().count(), "{columns}");
    for (command, told) in [
        ("\\d", "public|events|table|"),
        ("\\d+", "public|events|table|"),
        ("\\dt+", "public|gaps|table|"),
        ("\\dn", "public|"),
        ("\\l", "main|"),
        ("\\di", ""),
        ("\\dv", ""),
    ] {
        let shown = site.psql(command);
        assert!(shown.contains(told), "{command}: {shown}");
    }
    let listed = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1 LIMIT 1";
    assert_eq!(site.psql(listed), "changes\n");
    assert_eq!(
        site.psql("SELECT 'events'::regclass::oid = oid FROM pg_class WHERE relname = 'events'"),
        "t\n"
    );
}

/// There is one database, one role that reads, and nothing of what else PostgreSQL can have.
#[test]
fn psql_is_told_of_nothing_else() {
    let Some(site) = Site::with_psql("psql_is_told_of_nothing_else", &[]) else { return };
    // Later versions of psql have other columns behind these.
    for (command, begins) in [
        ("\\l", "main|reader|UTF8|"),
        ("\\l+", "main|reader|UTF8|"),
        ("\\dn+", "public|reader|reader=U/reader|"),
        ("\\du", "reader|"),
        ("\\du+", "reader|"),
    ] {
        let shown = site.psql(command);
        assert!(shown.starts_with(begins) && shown.lines().count() == 1, "{command}: {shown}");
    }
    for command in [
        "\\df", "\\df+", "\\da", "\\do", "\\dT", "\\dT+", "\\dD", "\\dC", "\\dc", "\\dx", "\\dy",
        "\\ddp", "\\drds", "\\dF", "\\deu",
    ] {
        assert_eq!(site.psql(command), "", "{command}");
    }
    let plain = site.psql("\\d events");
    let more = site.psql("\\d+ events");
    assert_eq!(more.lines().count(), plain.lines().count(), "{more}");
    assert!(more.starts_with("index|bigint||not null||plain|"), "{more}");
    // Other logs are not named, nor how much is in this one.
    let sizes = "SELECT datname, pg_database_size(datname) FROM pg_database";
    assert_eq!(site.psql(sizes), "main|\n");
    let rows = "SELECT DISTINCT reltuples, pg_total_relation_size(oid) FROM pg_class";
    assert_eq!(site.psql(rows), "-1.0|\n");
}

// What three clients are known to ask when they open a database, shortened. They themselves are not run.

#[test]
fn questions_of_grafana_are_answered() {
    let Some(site) = Site::with_psql("questions_of_grafana_are_answered", &[]) else { return };
    let check = |statement: &str, expected: &str| site.check_psql(statement, expected);
    check("SELECT current_setting('server_version_num')::int/100 AS version", "1600\n");
    check("SELECT extversion FROM pg_extension WHERE extname = 'timescaledb'", "");
    check(
        "SELECT quote_ident(column_name), data_type FROM information_schema.columns \
         WHERE quote_ident(table_schema) = (parse_ident('public.streams'))[1] \
         AND quote_ident(table_name) = (parse_ident('public.streams'))[2]",
        "stream|text\nnext_seq|bigint\nhead|bytea\ncursor|text\n",
    );
}

#[test]
fn questions_of_metabase_are_answered() {
    let Some(site) = Site::with_psql("questions_of_metabase_are_answered", &[]) else { return };
    let check = |statement: &str, expected: &str| site.check_psql(statement, expected);
    check(
        "WITH p AS (SELECT t.tablename AS name, \
           pg_catalog.has_any_column_privilege(current_user, t.schemaname || '.' || t.tablename, 'update') AS may_update, \
           pg_catalog.has_any_column_privilege(current_user, t.schemaname || '.' || t.tablename, 'select') AS may_select, \
           pg_catalog.has_table_privilege(current_user, t.schemaname || '.' || t.tablename, 'delete') AS may_delete \
         FROM pg_catalog.pg_tables t \
         WHERE pg_catalog.has_schema_privilege(current_user, t.schemaname, 'usage')) \
         SELECT p.* FROM p WHERE name = 'events'",
        "events|f|t|f\n",
    );
    check(
        "SELECT c.column_name, FORMAT('%s', c.udt_name), c.ordinal_position - 1, k.column_name IS NOT NULL, \
           COL_DESCRIPTION(CAST(CAST(FORMAT('%I.%I', CAST(c.table_schema AS text), CAST(c.table_name AS text)) AS regclass) AS oid), c.ordinal_position), \
           (column_default IS NULL) AND (is_nullable = 'NO'), is_identity <> 'NO' \
         FROM information_schema.columns AS c LEFT JOIN (SELECT kc.table_name, kc.column_name \
           FROM information_schema.table_constraints AS tc JOIN information_schema.key_column_usage AS kc \
           ON tc.constraint_name = kc.constraint_name WHERE tc.constraint_type = 'PRIMARY KEY') AS k \
         ON c.table_name = k.table_name AND c.column_name = k.column_name \
         WHERE c.table_name = 'entries' ORDER BY c.ordinal_position",
        "index|int8|0|f||t|f\nleaf_hash|bytea|1|f||t|f\nbytes|bytea|2|f||t|f\n",
    );
    check(
        "SELECT f.relname, a.attname FROM pg_constraint AS c JOIN pg_class AS f ON c.conrelid = f.oid \
         JOIN pg_attribute AS a ON c.conrelid = a.attrelid \
         WHERE c.contype = 'f'::char AND a.attnum = ANY(c.conkey)",
        "",
    );
    check(
        "SELECT t.name, TRIM(BOTH '\"' FROM pg_catalog.pg_get_indexdef(t.number, t.pos, FALSE)) FROM (SELECT \
           ci.relname AS name, ci.oid AS number, (information_schema._pg_expandarray(i.indkey)).n AS pos \
           FROM pg_catalog.pg_index AS i JOIN pg_catalog.pg_class AS ci ON ci.oid = i.indexrelid \
           WHERE pg_catalog.pg_get_expr(i.indpred, i.indrelid) IS NULL) AS t WHERE t.pos = 1",
        "",
    );
}

#[test]
fn questions_of_dbeaver_are_answered() {
    let Some(site) = Site::with_psql("questions_of_dbeaver_are_answered", &[]) else { return };
    let check = |statement: &str, expected: &str| site.check_psql(statement, expected);
    check("SELECT db.datname FROM pg_catalog.pg_database db WHERE datallowconn", "main\n");
    check("SELECT current_schema(), session_user", "public|reader\n");
    check(
        "SELECT name, setting FROM pg_catalog.pg_settings WHERE name = 'search_path'",
        "search_path|public\n",
    );
    check(
        "SELECT a.rolname, a.rolcanlogin, d.description FROM pg_catalog.pg_roles a \
         LEFT JOIN pg_catalog.pg_shdescription d ON a.oid = d.objoid",
        "reader|t|\n",
    );
    check(
        "SELECT t.spcname, pg_tablespace_location(t.oid) FROM pg_catalog.pg_tablespace t ORDER BY t.oid LIMIT 1",
        "pg_default|\n",
    );
    check("SELECT name, default_version FROM pg_catalog.pg_available_extensions", "");
    check(
        "SELECT e.oid, c.relname FROM (SELECT unnest(x.extconfig) AS oid FROM pg_catalog.pg_extension x) e \
         JOIN pg_class c ON c.oid = e.oid",
        "",
    );
    check(
        "SELECT p.proname, a.* FROM pg_catalog.pg_aggregate a, pg_catalog.pg_proc p WHERE p.oid = a.aggfnoid",
        "",
    );
}

#[test]
fn psql_is_refused_what_http_is_refused() {
    let Some(site) = Site::with_psql("psql_is_refused_what_http_is_refused", &[]) else { return };
    let (token, main) = (&*site.token, "dbname=main");
    for (statement, told) in [
        ("DELETE FROM events", "ERROR:  25006: the log is read-only"),
        ("COPY events TO STDOUT", "ERROR:  25006: the log is read-only"),
        ("CREATE TABLE x (y int)", "ERROR:  25006: the log is read-only"),
        ("BEGIN; DELETE FROM events; COMMIT", "ERROR:  25006: the log is read-only"),
        ("EXPLAIN ANALYZE DELETE FROM events", "ERROR:  25006: the log is read-only"),
        ("SELECT * FROM read_csv('/etc/passwd')", "read_csv"),
        ("SELECT * FROM 'x.parquet'", "ERROR:  42"),
        ("SELECT repeat('x', 1000000000)", "ERROR:  42883: Invalid function 'repeat'"),
        (
            "SELECT * FROM generate_series(1, 20000)",
            "ERROR:  54000: the answer has more than 10000 rows",
        ),
        ("SELECT (1", "ERROR:  42601: the statement cannot be read"),
        ("SELECT x FROM missing", "ERROR:  42P01: table 'main.public.missing' not found"),
        ("SHOW nothing", "ERROR:  42704: there is no setting called nothing"),
        ("SELECT 1,\n  nothing FROM events", "LINE 2:   nothing FROM events\n          ^"),
        ("SELECT nothing FROM events", "ERROR:  42703: No field named nothing"),
    ] {
        let error = site.psql_error(token, main, statement);
        assert!(error.contains(told), "{statement}: {error}");
    }
    for (token, more, told) in [
        ("wrong", "dbname=main", "FATAL:  "),
        ("", "dbname=main", "no password supplied"),
        (token, "dbname=missing", "FATAL:  no log of this name"),
        (token, "dbname=../main", "FATAL:  a database is a log's name"),
        // No TLS is offered, and none is pretended.
        (token, "dbname=main sslmode=require", "does not support SSL"),
    ] {
        let error = site.psql_error(token, more, "SELECT 1");
        assert!(error.contains(told), "{more}: {error}");
    }
}

#[test]
fn psql_sees_what_its_token_may_and_is_told_in_system() {
    let test = "psql_sees_what_its_token_may_and_is_told_in_system";
    let Some(site) = Site::with_psql(test, &[]) else { return };
    let made = site.fixture.json(&["token", "create", "rita", "--role", "reader"], 0);
    let reader = made["token"].as_str().unwrap();
    let text = r#"forbid(principal in Role::"reader", action == Action::"read_entries", resource) when { context.event.actor == "u-3" };"#;
    site.fixture.write("policy", text);
    site.fixture.check(&["access", "policy", "set", "narrow", "policy"], 0, &[], &[]);
    let count = "SELECT count(*) FROM events WHERE actor_id LIKE 'u-%'";
    let ran = site.psql_as(reader, "dbname=main", count);
    assert_eq!(String::from_utf8_lossy(&ran.stdout), "51\n", "{ran:?}");
    assert_eq!(site.psql(count), "60\n");
    let error = site.psql_error(reader, "dbname=main", &format!("EXPLAIN {count}"));
    assert!(error.contains("EXPLAIN tells of entries"), "{error}");
    let made = site.fixture.json(&["token", "create", "paul", "--role", "writer"], 0);
    let writer = made["token"].as_str().unwrap();
    let error = site.psql_error(writer, "dbname=main", "SELECT 1");
    assert!(error.contains("FATAL:  ") && error.contains("read_entries"), "{error}");
    site.wait_until_told("rita", count);
}

#[test]
fn psql_comes_by_tls_where_http_does() {
    let test = "psql_comes_by_tls_where_http_does";
    let Some(site) = Site::with_psql(test, &["--tls"]) else { return };
    let ask = "SELECT count(*) FROM events WHERE actor_id LIKE 'u-%'";
    let trusted = site.fixture.path("graven-data/tls.crt");
    let full = format!("dbname=main sslmode=verify-full sslrootcert={}", trusted.display());
    for more in ["dbname=main", "dbname=main sslmode=require", &full] {
        let ran = site.psql_as(&site.token, more, ask);
        assert_eq!(String::from_utf8_lossy(&ran.stdout), "60\n", "{more}: {ran:?}");
    }
    let error = site.psql_error(&site.token, "dbname=main sslmode=disable", "SELECT 1");
    assert!(error.contains("TLS only"), "{error}");
}

/// What psql says whose user gives up, after a while, on a query without end.
fn cancelled(site: &Site, after: Duration) -> String {
    let mut psql = site.psql_command(&site.token, "dbname=main");
    psql.args(["-c", "SELECT 'begun'", "-c", ENDLESS]);
    let mut running = psql.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(running.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "begun\n");
    let pid = Pid::from_raw(running.id().cast_signed()).unwrap();
    // The query is sent now. An interrupt that comes before it has psql not send it at all.
    std::thread::sleep(after);
    while running.try_wait().unwrap().is_none() {
        kill_process(pid, Signal::INT).unwrap();
        std::thread::sleep(AGAIN);
    }
    String::from_utf8(running.wait_with_output().unwrap().stderr).unwrap()
}

#[test]
fn psql_cancels() {
    let Some(site) = Site::with_psql("psql_cancels", &[]) else { return };
    let mut told = String::new();
    // Where it is interrupted between its two statements all the same, as on a busy machine, it has more time in the next try.
    for tries in 1..=INTERRUPTED_BETWEEN_MAX {
        told = cancelled(&site, AGAIN * tries);
        if told.trim() != "Cancel request sent" {
            break;
        }
    }
    assert!(told.contains("57014: canceling statement due to user request"), "{told}");
    assert_eq!(site.psql("SELECT 2"), "2\n");
}

#[test]
fn the_protocol_is_answered_only_where_nobody_listens_in() {
    let fixture = Fixture::empty();
    let serve = ["serve", "--listen", "127.0.0.1:0", "--pg-listen"];
    fixture.check(&[&serve[..], &["0.0.0.0:0"]].concat(), 2, &[], &["--insecure-listen"]);
    let off = [&serve[..], &["127.0.0.1:0", "--sql", "off"]].concat();
    fixture.check(&off, 2, &[], &["--pg-listen needs SQL"]);
}

/// A client that says what it likes.
struct Raw(TcpStream);

impl Raw {
    fn connect(site: &Site) -> Raw {
        let stream = TcpStream::connect(&site.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Raw(stream)
    }

    /// Asks to sign in, and is asked for a password.
    fn begin(site: &Site) -> Raw {
        let mut raw = Raw::connect(site);
        raw.send(None, b"\0\x03\0\0user\0x\0database\0main\0\0");
        assert_eq!(raw.receive(), (b'R', vec![0, 0, 0, 3]));
        raw
    }

    /// Signs in; the key by which its queries are cancelled too.
    fn sign_in(site: &Site) -> (Raw, Vec<u8>) {
        let mut raw = Raw::begin(site);
        raw.send(Some(b'p'), format!("{}\0", site.token).as_bytes());
        let mut key = Vec::new();
        loop {
            match raw.receive() {
                (b'Z', _) => return (raw, key),
                (b'K', body) => key = body,
                (kind, body) => assert!(b"RS".contains(&kind), "{kind}: {body:?}"),
            }
        }
    }

    fn send(&mut self, kind: Option<u8>, body: &[u8]) {
        let mut bytes: Vec<u8> = kind.into_iter().collect();
        bytes.extend(u32::try_from(body.len() + 4).unwrap().to_be_bytes());
        bytes.extend(body);
        self.0.write_all(&bytes).unwrap();
    }

    fn receive(&mut self) -> (u8, Vec<u8>) {
        let mut head = [0; 5];
        self.0.read_exact(&mut head).unwrap();
        let [kind, length @ ..] = head;
        let mut body = vec![0; u32::from_be_bytes(length) as usize - 4];
        self.0.read_exact(&mut body).unwrap();
        (kind, body)
    }

    /// The kinds of messages up to the next that says that the server is ready, and the text of an error among them.
    fn exchange(&mut self) -> (String, String) {
        let (mut kinds, mut error) = (String::new(), String::new());
        while !kinds.ends_with('Z') {
            let (kind, body) = self.receive();
            kinds.push(char::from(kind));
            if kind == b'E' {
                error = String::from_utf8_lossy(&body).replace('\0', "|");
            }
        }
        (kinds, error)
    }

    /// The error that ends the connection.
    fn last_words(mut self) -> String {
        let mut rest = Vec::new();
        self.0.read_to_end(&mut rest).unwrap();
        assert_eq!(rest.first(), Some(&b'E'), "{rest:?}");
        String::from_utf8_lossy(&rest).replace('\0', "|")
    }
}

/// Prepares `text` as the unnamed statement, binds a text and a binary `int8`, and asks for so many rows.
fn ask_prepared(raw: &mut Raw, text: &str, word: &str, number: i64, rows: i32) {
    raw.send(Some(b'P'), format!("\0{text}\0\0\0").as_bytes());
    let mut bind = b"\0\0\0\x02\0\0\0\x01\0\x02".to_vec();
    bind.extend(u32::try_from(word.len()).unwrap().to_be_bytes());
    bind.extend(word.as_bytes());
    bind.extend(8_u32.to_be_bytes());
    bind.extend(number.to_be_bytes());
    bind.extend(b"\0\0");
    raw.send(Some(b'B'), &bind);
    raw.send(Some(b'D'), b"P\0");
    raw.send(Some(b'E'), &[&[0][..], &rows.to_be_bytes()].concat());
    raw.send(Some(b'S'), b"");
}

#[test]
fn prepared_statements_take_parameters() {
    let site = Site::new(&[]);
    let (mut raw, _) = Raw::sign_in(&site);
    let text = "SELECT id FROM events WHERE actor_id = $1 AND index < $2 ORDER BY index LIMIT 2";
    // No room is kept for the rows that a client says it can take.
    for (rows, kinds) in [(0, "12TDDCZ"), (1, "12TDsZ"), (i32::MAX, "12TDDCZ"), (-1, "12TDDCZ")] {
        ask_prepared(&mut raw, text, "u-2", 1000, rows);
        let (told, error) = raw.exchange();
        assert_eq!(told, kinds, "{rows}: {error}");
    }
    for (text, word, told) in [
        (
            "SELECT id FROM events WHERE actor_id = $1",
            "u-2",
            "C42000|M2 parameters are bound; the statement has 1",
        ),
        ("SELECT $1, nothing FROM events WHERE index < $2", "", "C42703|MNo field named nothing"),
        ("SELECT 1; SELECT 2", "", "C42601|Ma prepared statement is one statement"),
        ("DELETE FROM events", "", "C25006|Mthe log is read-only"),
        ("SELECT $1, $9 FROM events WHERE index < $2", "", "parameters are $1, $2 and so on"),
    ] {
        ask_prepared(&mut raw, text, word, 11, 0);
        let (kinds, error) = raw.exchange();
        assert!(kinds.ends_with("EZ") && error.contains(told), "{text}: {kinds} {error}");
    }
    raw.send(Some(b'Q'), b"SELECT 1\0");
    assert_eq!(raw.exchange().0, "TDCZ");
}

#[test]
fn what_a_client_holds_open_is_bounded() {
    let site = Site::new(&[]);
    let (mut raw, _) = Raw::sign_in(&site);
    let mut refused = None;
    for count in 0..600 {
        raw.send(Some(b'P'), format!("s{count}\0BEGIN\0\0\0").as_bytes());
        raw.send(Some(b'S'), b"");
        let (_, error) = raw.exchange();
        if !error.is_empty() {
            refused = Some((count, error));
            break;
        }
    }
    let (count, error) = refused.expect("some are refused");
    assert!(count == 512 && error.contains("more than 512 prepared statements"), "{count} {error}");
    raw.send(Some(b'C'), b"Ss0\0");
    raw.send(Some(b'P'), b"again\0BEGIN\0\0\0");
    raw.send(Some(b'S'), b"");
    assert_eq!(raw.exchange().0, "31Z");
    raw.send(Some(b'Q'), b"BEGIN\0");
    assert_eq!(raw.exchange().0, "CZ");
    for portal in 0..20 {
        raw.send(Some(b'B'), format!("p{portal}\0again\0\0\0\0\0\0\0").as_bytes());
    }
    raw.send(Some(b'S'), b"");
    let (kinds, error) = raw.exchange();
    assert!(
        kinds == "2222222222222222EZ" && error.contains("more than 16 portals"),
        "{kinds}: {error}"
    );
    // They end with their transaction.
    raw.send(Some(b'Q'), b"ROLLBACK\0");
    assert_eq!(raw.exchange().0, "CZ");
    raw.send(Some(b'B'), b"p\0again\0\0\0\0\0\0\0");
    raw.send(Some(b'S'), b"");
    assert_eq!(raw.exchange().0, "2Z");
}

/// Whatever a client sends ends its own connection, and the server goes on.
#[test]
fn broken_messages_end_their_connection() {
    let site = Site::new(&[]);
    for (bytes, told) in [
        (&b"Q\x3f\0\0\0"[..], "a message has 1056964608 bytes; the limit is 262144"),
        (b"Q\0\0\0\0", "a message is shorter than its length"),
        (b"B\0\0\0\x0a\0\0\xff\xff\0\0", "this message is not understood here"),
        (b"p\0\0\0\x05\0", "this message is not understood here"),
        (b"!\0\0\0\x04", "this message is not understood here"),
    ] {
        let (mut raw, _) = Raw::sign_in(&site);
        raw.0.write_all(bytes).unwrap();
        let error = raw.last_words();
        assert!(error.contains("C08P01") && error.contains(told), "{bytes:?}: {error}");
    }
    for bytes in [&b"GET / HTTP/1.1\r\n\r\n"[..], b"\0\0\0\x08\0\x03\0\0", b"\0\0\0\0\0\0\0\0"] {
        let mut raw = Raw::connect(&site);
        raw.0.write_all(bytes).unwrap();
        let mut rest = Vec::new();
        let ended = raw.0.read_to_end(&mut rest);
        let is_reset = ended.is_err_and(|error| error.kind() == ErrorKind::ConnectionReset);
        assert!(is_reset || rest.is_empty(), "{bytes:?}: {rest:?}");
    }
    let mut raw = Raw::begin(&site);
    raw.send(Some(b'Q'), b"SELECT 1\0");
    assert!(raw.last_words().contains("a password was expected"));
    site.fixture.check(&["sql", "SELECT 1"], 0, &["1"], &[]);
}

#[test]
fn one_connection_cancels_another_by_its_key_only() {
    let site = Site::new(&[]);
    let (mut raw, key) = Raw::sign_in(&site);
    raw.send(Some(b'Q'), format!("{ENDLESS}\0").as_bytes());
    raw.0.set_read_timeout(Some(AGAIN)).unwrap();
    let cancel = |key: &[u8]| {
        Raw::connect(&site).send(None, &[b"\x04\xd2\x16\x2e", key].concat());
    };
    let mut wrong = key.clone();
    *wrong.last_mut().unwrap() ^= 1;
    for _ in 0..5 {
        cancel(&wrong);
        assert!(raw.0.peek(&mut [0]).is_err(), "cancelled by a wrong key");
    }
    while raw.0.peek(&mut [0]).is_err() {
        cancel(&key);
    }
    raw.0.set_read_timeout(Some(PATIENCE)).unwrap();
    let (kinds, error) = raw.exchange();
    assert!(kinds == "EZ" && error.contains("C57014"), "{kinds}: {error}");
}

#[test]
fn one_client_too_many_is_told_so() {
    let site = Site::new(&[]);
    let clients: Vec<Raw> = (0..100).map(|_| Raw::begin(&site)).collect();
    let mut raw = Raw::connect(&site);
    raw.send(None, b"\0\x03\0\0user\0x\0database\0main\0\0");
    let error = raw.last_words();
    assert!(error.contains("C53300|M100 clients are connected already"), "{error}");
    drop(clients);
}

/// The driver asks in its own ways: prepared statements with parameters, binary values, pages of a portal, metadata.
#[test]
fn the_jdbc_driver_is_answered() {
    let Some(jar) = std::env::var_os("GRAVEN_JDBC_JAR") else {
        let get = "`cargo xtask conformance` fetches it and runs this (Java 17, Maven)";
        println!("SKIP the_jdbc_driver_is_answered: the driver is missing; {get}");
        return;
    };
    let site = Site::new(&[]);
    let queries = [
        "SELECT count(*) FROM events WHERE action = 'invoice.update'",
        "SELECT actor_id, count(*) FROM events WHERE actor_id LIKE 'u-%' GROUP BY 1 ORDER BY 1",
        "SELECT index, id FROM events WHERE index BETWEEN 10 AND 14 ORDER BY index DESC",
        "SELECT e.index FROM events e JOIN entries n ON n.index = e.index WHERE e.id = 'e-7'",
        "SELECT count(reason), min(stream) FROM events",
    ];
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/../../xtask/conformance/pg/Ask.java");
    let mut java = Command::new("java");
    java.arg("-cp").arg(jar).arg(source);
    java.arg(format!("jdbc:postgresql://{}/main", site.address));
    java.env("PGPASSWORD", &site.token).stdin(Stdio::piped());
    let mut running = java.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let asked = queries.map(|query| format!("{query}\n")).concat();
    running.stdin.take().unwrap().write_all(asked.as_bytes()).unwrap();
    let ran = running.wait_with_output().unwrap();
    let (told, error) =
        (String::from_utf8(ran.stdout).unwrap(), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success(), "{told}{error}");
    let mut answers = told.split("--\n");
    for query in queries {
        assert_eq!(answers.next(), Some(&*site.http(query, "\t")), "{query}");
    }
    for round in 0..8 {
        let condition = format!("actor_id = 'u-{}' AND index < 1000", round % 7);
        let query = format!(
            "SELECT index, 't' AS a, 't' AS b FROM events WHERE {condition} ORDER BY 1 LIMIT 3"
        );
        assert_eq!(answers.next(), Some(&*site.http(&query, "\t")), "round {round}");
    }
    let paged: String = (0..20).map(|index| format!("{index}\n")).collect();
    assert_eq!(answers.next(), Some(&*paged));
    let expected = [
        "PostgreSQL\t16.0\n",
        "information_schema\npg_catalog\npublic\n",
        "changes\ncheckpoints\nentries\nevents\ngaps\nstreams\n",
        "stream\ttext\nnext_seq\tint8\nhead\tbytea\ncursor\ttext\n",
        "4\ttrue\n",
        "main\n",
        "bool\nbytea\nint8\ntext\ntimestamptz\n",
        "4\t32\n",
        "SELECT\n",
        "bytes\tSELECT\nindex\tSELECT\nleaf_hash\tSELECT\n",
        // Keys of four kinds, indexes, functions, procedures, what identifies a row.
        "",
        "",
        "",
        "",
        "",
        "",
        "",
        "",
        "",
    ];
    assert_eq!(answers.collect::<Vec<_>>(), expected);
}
