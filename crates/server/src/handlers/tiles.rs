//! The log as C2SP tlog-tiles, byte for byte.

use std::io::Write as _;

use append::{Code, Refusal};
use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use flate2::Compression;
use flate2::write::GzEncoder;
use graven_merkle::{TILE_WIDTH, TileKind, TilePath};

use super::{PRIVATE_FOR_EVER, logged};
use crate::call::Call;

/// What never changes, for anyone.
const PUBLIC_FOR_EVER: &str = "public, max-age=31536000, immutable";

/// `GET /log/{log}/checkpoint`: the published checkpoint, a signed note. It may lag a second.
pub(crate) async fn checkpoint(call: &mut Call) -> Result<Response, Refusal> {
    let log = call.log()?;
    let is_public = log.is_public();
    let checkpoint = call.shared.blocking(move || log.checkpoint()).await?;
    let checkpoint = checkpoint.map_err(|error| logged(call, &error))?;
    let cache = if is_public { "public, max-age=1" } else { "private, max-age=1" };
    Ok(answer(checkpoint, "text/plain; charset=utf-8", cache))
}

/// `GET /log/{log}/tile/{level}/{index}`: a hash tile, full or partial.
pub(crate) async fn hashes(call: &mut Call) -> Result<Response, Refusal> {
    let path = tile_path(call, "tile")?;
    if path.kind == TileKind::Entries {
        // Reached by an escaped `entries` in the path: bundles need their own right.
        return Err(not_a_tile());
    }
    tile(call, path).await
}

/// `GET /log/{log}/tile/entries/{index}`: an entry bundle, full or partial.
pub(crate) async fn entries(call: &mut Call) -> Result<Response, Refusal> {
    let path = tile_path(call, "tile/entries")?;
    tile(call, path).await
}

async fn tile(call: &mut Call, path: TilePath) -> Result<Response, Refusal> {
    let log = call.log()?;
    let is_public = log.is_public();
    let is_bundle = path.kind == TileKind::Entries;
    let first = path.index.saturating_mul(TILE_WIDTH as u64);
    let shown = first..first + u64::from(path.width);
    let gzip = is_bundle && takes_gzip(&call.parts.headers);
    let work = move || {
        let bytes = log.tile(&path)?;
        Ok(if gzip { compress(&bytes) } else { bytes })
    };
    let bytes = call.shared.blocking(work).await?;
    let bytes = bytes.map_err(|error| logged(call, &error))?;
    if is_bundle {
        call.show_entries(shown);
    }
    let cache = if is_public { PUBLIC_FOR_EVER } else { PRIVATE_FOR_EVER };
    let mut response = answer(bytes, "application/octet-stream", cache);
    let headers = response.headers_mut();
    if gzip {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    if is_bundle {
        headers.insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    }
    Ok(response)
}

/// The tile that the rest of the path names, in its one spelling.
fn tile_path(call: &Call, prefix: &str) -> Result<TilePath, Refusal> {
    let rest = call.param("tile").unwrap_or_default();
    format!("{prefix}/{rest}").parse().map_err(|_| not_a_tile())
}

fn not_a_tile() -> Refusal {
    let detail = "no such tile; paths are as in C2SP tlog-tiles, such as tile/0/x001/067.p/5";
    Refusal::new(Code::NotFound, detail).in_field("tile")
}

/// Whether the client asks for gzip (RFC 9110 §12.5.3); a weight of 0 says no.
fn takes_gzip(headers: &HeaderMap) -> bool {
    let values = headers.get_all(header::ACCEPT_ENCODING).iter();
    let names = values.filter_map(|value| value.to_str().ok()).flat_map(|text| text.split(','));
    names.map(str::trim).any(|item| {
        let (name, weight) = item.split_once(';').unwrap_or((item, ""));
        let weight = weight.trim().trim_start_matches("q=");
        let is_zero = !weight.is_empty() && weight.chars().all(|c| matches!(c, '0' | '.'));
        name.trim().eq_ignore_ascii_case("gzip") && !is_zero
    })
}

fn compress(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(bytes.len() / 4), Compression::fast());
    encoder.write_all(bytes).expect("memory takes what is written to it");
    encoder.finish().expect("memory takes what is written to it")
}

fn answer(bytes: Vec<u8>, content_type: &'static str, cache: &'static str) -> Response {
    let mut response = Response::new(Body::from(bytes));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    response
}

#[cfg(test)]
#[path = "../tests/tiles.rs"]
mod tests;
