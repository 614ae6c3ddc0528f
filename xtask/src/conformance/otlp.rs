//! The metrics that the server exports, read by OpenTelemetry's own messages: `opentelemetry-proto` from PyPI in the version of
//! `xtask/conformance/otlp`.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::files;
use super::kit::Kit;
use super::live::Server;
use super::python;
use super::report::Report;
use crate::limits::{HTTP_BYTES_MAX, HTTP_READ_MAX, VERIFIER_WAIT_MAX};

/// A metric of each kind: a sum, a gauge, a histogram.
const METRICS: [&str; 3] = ["graven_entries", "graven_ready", "graven_flush_us"];

/// Runs the part, against a server that is built.
pub(super) fn run(kit: &Kit, report: &mut Report) -> Result<(), String> {
    let python = python::environment(kit, report, "otlp", "requirements.txt")?;
    let Some(python) = python else { return Ok(()) };
    let listener = TcpListener::bind("127.0.0.1:0").map_err(|e| format!("cannot listen: {e}"))?;
    let address = listener.local_addr().map_err(|e| format!("cannot listen: {e}"))?;
    let endpoint = format!("http://{address}");
    let server = Server::start(kit, "otlp-server", &["--otlp-endpoint", &endpoint])?;
    let (stream, _) = listener.accept().map_err(|e| format!("no export came: {e}"))?;
    let export = receive(stream).map_err(|e| format!("the export broke off: {e}"))?;
    drop(server);
    let file = kit.folder("otlp")?.join("export.json");
    files::write(&file, &export)?;
    let told = read(kit, &python, &file)?
        .ok_or("OpenTelemetry's messages do not take it")
        .and_then(|values| if has_all(&values) { Ok(()) } else { Err("a metric is missing") });
    report.check("OpenTelemetry reads an export", told.map_err(str::to_owned));
    // The comparison can fail: a name that the messages do not know is refused.
    let text = String::from_utf8_lossy(&export).replace("dataPoints", "datapoint");
    files::write(&file, text.as_bytes())?;
    let told = match read(kit, &python, &file)? {
        Some(_) => Err("it was read all the same".to_owned()),
        None => Ok(()),
    };
    report.check("OpenTelemetry refuses an export with another name in it", told);
    Ok(())
}

/// Whether each has a value; the histogram, of the writes at the start, another than 0.
fn has_all(values: &Value) -> bool {
    METRICS.iter().all(|name| values[name].as_array().is_some_and(|points| points.len() == 1))
        && values[METRICS[2]][0].as_u64().is_some_and(|count| count > 0)
}

/// What the messages make of an export; nothing where they refuse it.
fn read(kit: &Kit, python: &Path, file: &Path) -> Result<Option<Value>, String> {
    let mut command = Command::new(python);
    command.arg(kit.root.join("xtask/conformance/otlp/read.py")).arg(file);
    let outcome = kit.stages.run_limited("read metrics", &mut command, VERIFIER_WAIT_MAX)?;
    let line = outcome.output.lines().last().unwrap_or_default();
    Ok(serde_json::from_str(line).ok().filter(|_| outcome.good))
}

/// The body of one request, which is answered.
fn receive(mut stream: TcpStream) -> std::io::Result<Vec<u8>> {
    stream.set_read_timeout(Some(HTTP_READ_MAX))?;
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let count = stream.read(&mut buffer)?;
        bytes.extend_from_slice(&buffer[..count]);
        if count == 0 || bytes.len() as u64 > HTTP_BYTES_MAX {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        let Some(head) = bytes.windows(4).position(|part| part == b"\r\n\r\n") else { continue };
        let body = &bytes[head + 4..];
        if serde_json::from_slice::<Value>(body).is_ok() {
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")?;
            return Ok(body.to_vec());
        }
    }
}
