//! The console's style, script and picture, built in; each is served under a name that holds its hash, and kept by browsers.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use sha2::{Digest as _, Sha256};

/// The address of the style.
pub fn style() -> &'static str {
    &STYLE.address
}

/// The address of the script.
pub fn script() -> &'static str {
    &SCRIPT.address
}

/// The address of the picture in the browser's tab.
pub fn mark() -> &'static str {
    &MARK.address
}

/// Serves one of them.
pub async fn serve(Path(file): Path<String>) -> Response {
    for asset in [&*STYLE, &*SCRIPT, &*MARK] {
        if asset.address.strip_prefix("/assets/") == Some(file.as_str()) {
            let headers = [
                (header::CONTENT_TYPE, asset.kind),
                (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
            ];
            return (headers, asset.bytes).into_response();
        }
    }
    StatusCode::NOT_FOUND.into_response()
}

struct Asset {
    address: String,
    kind: &'static str,
    bytes: &'static [u8],
}

impl Asset {
    fn new(name: &str, end: &str, kind: &'static str, bytes: &'static [u8]) -> Self {
        let hash: String = Sha256::digest(bytes).iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        Self { address: format!("/assets/{name}-{hash}.{end}"), kind, bytes }
    }
}

static STYLE: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new("console", "css", "text/css; charset=utf-8", include_bytes!("../assets/console.css"))
});
static SCRIPT: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new("console", "js", "text/javascript; charset=utf-8", include_bytes!("../assets/console.js"))
});
static MARK: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("mark", "svg", "image/svg+xml", include_bytes!("../assets/mark.svg")));
