//! Style sheet, script, icon and the land of the map: compiled in, packed once, named by their hash so that browsers keep them for good.

use std::sync::LazyLock;

use sha2::{Digest, Sha256};

use super::request::Request;
use super::response::{Response, gzip};

/// A file that pages refer to.
struct Asset {
    stem: &'static str,
    ending: &'static str,
    kind: &'static str,
    text: &'static str,
    hash: String,
    packed: Vec<u8>,
}

static ASSETS: LazyLock<Vec<Asset>> = LazyLock::new(|| {
    vec![
        asset("style", "css", "text/css; charset=utf-8", include_str!("../../web/style.css")),
        asset("satpost", "js", "text/javascript; charset=utf-8", include_str!("../../web/satpost.js")),
        asset("coast", "svg", "image/svg+xml", include_str!("../../web/coast.svg")),
        asset("icon", "svg", "image/svg+xml", include_str!("../../web/icon.svg")),
    ]
});

fn asset(stem: &'static str, ending: &'static str, kind: &'static str, text: &'static str) -> Asset {
    let digest = Sha256::digest(text.as_bytes());
    let hash = crate::hex::encode(&digest[..5]);
    Asset { stem, ending, kind, text, hash, packed: gzip(text.as_bytes()) }
}

impl Asset {
    fn name(&self) -> String {
        format!("{}-{}.{}", self.stem, self.hash, self.ending)
    }
}

/// Gives the path of an asset; empty for one that does not exist.
pub fn path(stem: &str) -> String {
    ASSETS.iter().find(|asset| asset.stem == stem).map(|asset| format!("/assets/{}", asset.name())).unwrap_or_default()
}

/// Gives the asset of this name.
pub fn answer(name: &str, request: &Request) -> Option<Response> {
    let asset = ASSETS.iter().find(|asset| asset.name() == name)?;
    let packed = request.header("accept-encoding").is_some_and(|value| value.contains("gzip"));
    let body = if packed { asset.packed.clone() } else { asset.text.as_bytes().to_vec() };
    let mut headers = vec![
        ("Content-Type", asset.kind.to_owned()),
        ("Cache-Control", "public, max-age=31536000, immutable".to_owned()),
        ("Vary", "Accept-Encoding".to_owned()),
        ("Content-Encoding", if packed { "gzip" } else { "identity" }.to_owned()),
    ];
    if !packed {
        headers.pop();
    }
    Some(Response { status: 200, headers, body, waits: false })
}
