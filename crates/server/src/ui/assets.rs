//! The files that browsers run, part of the binary.

use std::io::Write as _;
use std::sync::OnceLock;

use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest as _, Sha256};

/// How many characters of the hash over all files stand in their addresses.
const VERSION_CHARS: usize = 16;

const SCRIPT: &str = "text/javascript; charset=utf-8";

/// One file.
pub(super) struct Asset {
    pub(super) name: &'static str,
    pub(super) media_type: &'static str,
    pub(super) bytes: &'static [u8],
    /// The same in brotli, where that is worth more than gzip.
    pub(super) brotli: Option<&'static [u8]>,
    gzipped: OnceLock<Vec<u8>>,
}

/// A file of the folder `ui`, or one that the package for browsers has too.
macro_rules! asset {
    ($name:literal, $media_type:expr) => {
        asset!($name, $media_type, concat!("../../ui/", $name))
    };
    ($name:literal, $media_type:expr, $path:expr) => {
        asset!($name, $media_type, $path, None)
    };
    ($name:literal, $media_type:expr, $path:expr, $brotli:expr) => {
        Asset {
            name: $name,
            media_type: $media_type,
            bytes: include_bytes!($path),
            brotli: $brotli,
            gzipped: OnceLock::new(),
        }
    };
}

/// All files. They import each other by these names.
static ASSETS: [Asset; 40] = [
    asset!("style.css", "text/css; charset=utf-8"),
    asset!("icon.svg", "image/svg+xml"),
    asset!("access.js", SCRIPT),
    asset!("api.js", SCRIPT),
    asset!("around.js", SCRIPT),
    asset!("badge.js", SCRIPT),
    asset!("check.js", SCRIPT),
    asset!("complete.js", SCRIPT),
    asset!("csv.js", SCRIPT),
    asset!("diff.js", SCRIPT),
    asset!("dom.js", SCRIPT),
    asset!("entry.js", SCRIPT),
    asset!("explore.js", SCRIPT),
    asset!("export.js", SCRIPT),
    asset!("facets.js", SCRIPT),
    asset!("histogram.js", SCRIPT),
    asset!("integrity.js", SCRIPT),
    asset!("json.js", SCRIPT),
    asset!("keys.js", SCRIPT),
    asset!("links.js", SCRIPT),
    asset!("log.js", SCRIPT),
    asset!("memory.js", SCRIPT),
    asset!("overview.js", SCRIPT),
    asset!("parquet.js", SCRIPT),
    asset!("parts.js", SCRIPT),
    asset!("passkey.js", SCRIPT),
    asset!("path.js", SCRIPT),
    asset!("queries.js", SCRIPT),
    asset!("query.js", SCRIPT),
    asset!("resource.js", SCRIPT),
    asset!("rows.js", SCRIPT),
    asset!("signin.js", SCRIPT),
    asset!("state.js", SCRIPT),
    asset!("tail.js", SCRIPT),
    asset!("timeline.js", SCRIPT),
    asset!("view.js", SCRIPT),
    asset!("viewer.js", SCRIPT),
    asset!("when.js", SCRIPT),
    asset!("verify.js", SCRIPT, "../../../../sdk/verify/index.js"),
    asset!(
        "graven_verify.wasm",
        "application/wasm",
        "../../../../sdk/verify/graven_verify.wasm",
        Some(include_bytes!("../../ui/graven_verify.wasm.br"))
    ),
];

/// The file of this name.
pub(super) fn find(name: &str) -> Option<&'static Asset> {
    ASSETS.iter().find(|asset| asset.name == name)
}

/// A hash over all files, so that an address stands for the same bytes for ever.
pub(super) fn version() -> &'static str {
    static VERSION: OnceLock<String> = OnceLock::new();
    VERSION.get_or_init(|| {
        let mut hasher = Sha256::new();
        for asset in &ASSETS {
            hasher.update(asset.name);
            hasher.update((asset.bytes.len() as u64).to_be_bytes());
            hasher.update(asset.bytes);
        }
        let hex: String = hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        hex.chars().take(VERSION_CHARS).collect()
    })
}

/// The address of a file.
pub(super) fn href(name: &str) -> String {
    format!("/ui/assets/{}/{name}", version())
}

impl Asset {
    /// The file compressed, which is done once.
    pub(super) fn gzipped(&self) -> &[u8] {
        self.gzipped.get_or_init(|| {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
            encoder.write_all(self.bytes).expect("writing to memory does not fail");
            encoder.finish().expect("writing to memory does not fail")
        })
    }
}
