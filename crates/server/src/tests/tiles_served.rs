//! Tiles as they are served: the whole log can be rebuilt from them.

use std::io::Read as _;

use graven_merkle::{
    Frontier, TileKind, TilePath, TreeSize, leaf_hash, parse_bundle, parse_hashes, tiles_of,
};

use super::EVENT;
use super::site::{Ask, Site};

#[test]
fn a_log_rebuilt_from_its_tiles_has_the_checkpoints_root() {
    let site = Site::start();
    let many = format!("{EVENT}\n").repeat(600);
    site.post("/api/v1/logs/main/events", "application/x-ndjson", many.as_bytes());
    let reply = site.get("/log/main/checkpoint");
    assert_eq!(reply.header("content-type"), Some("text/plain; charset=utf-8"));
    assert_eq!(reply.header("cache-control"), Some("private, max-age=1"));
    let checkpoint = reply.text();
    let size = TreeSize(checkpoint.lines().nth(1).unwrap().parse().unwrap());
    let (mut from_bundles, mut from_hashes) = (Frontier::new(), Frontier::new());
    for path in tiles_of(size) {
        let reply = site.get(&format!("/log/main/{path}"));
        assert_eq!(reply.status, 200, "{path} -> {}", reply.text());
        assert_eq!(reply.header("content-type"), Some("application/octet-stream"));
        assert_eq!(reply.header("cache-control"), Some("private, max-age=31536000, immutable"));
        assert_eq!(reply.header("content-encoding"), None);
        match path.kind {
            TileKind::Hashes(level) => {
                let hashes = parse_hashes(&reply.body).unwrap();
                assert_eq!(hashes.len(), usize::from(path.width), "{path}");
                if level == 0 {
                    for hash in hashes {
                        from_hashes.push(hash);
                    }
                }
            }
            TileKind::Entries => {
                for entry in parse_bundle(&reply.body, path.width).unwrap() {
                    from_bundles.push(leaf_hash(entry));
                }
            }
        }
    }
    assert_eq!(from_hashes.size(), size);
    let root = checkpoint.lines().nth(2).unwrap();
    assert_eq!(from_hashes.root().to_string(), root);
    assert_eq!(from_bundles.root().to_string(), root);
}

#[test]
fn bundles_are_gzipped_for_those_who_ask() {
    let site = Site::start();
    for _ in 0..3 {
        site.append(EVENT);
    }
    site.get("/log/main/checkpoint");
    let path = TilePath { kind: TileKind::Entries, index: 0, width: 1 };
    let path = format!("/log/main/{path}");
    let plain = site.get(&path);
    assert_eq!(plain.status, 200, "{}", plain.text());
    for (accept, is_gzip) in [("gzip", true), ("br, gzip;q=0.5", true), ("gzip;q=0", false)] {
        let reply = site.ask(&Ask::get(&path).with("accept-encoding", accept));
        assert_eq!(reply.header("vary"), Some("Accept-Encoding"));
        assert_eq!(reply.header("content-encoding"), is_gzip.then_some("gzip"), "{accept}");
        let mut body = Vec::new();
        if is_gzip {
            flate2::read::GzDecoder::new(&reply.body[..]).read_to_end(&mut body).unwrap();
        } else {
            body = reply.body;
        }
        assert_eq!(body, plain.body, "{accept}");
    }
    let hashes = site.ask(&Ask::get("/log/main/tile/0/000.p/1").with("accept-encoding", "gzip"));
    assert_eq!(hashes.header("content-encoding"), None);
}
