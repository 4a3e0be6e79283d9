//! The console's styles, scripts and picture, built in; each is served under a name that holds its hash, and kept by browsers.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use sha2::{Digest as _, Sha256};

/// The address of the style.
pub fn style() -> &'static str {
    &STYLE.address
}

/// The address of the script that every page has.
pub fn script() -> &'static str {
    &SCRIPT.address
}

/// The address of the script of pages that draw, follow and complete.
pub fn live() -> &'static str {
    &LIVE.address
}

/// The address of the script that asks authenticators.
pub fn passkeys() -> &'static str {
    &PASSKEYS.address
}

/// The address of the drawer of charts (uPlot).
pub fn chart() -> &'static str {
    &CHART.address
}

/// The address of its style.
pub fn chart_style() -> &'static str {
    &CHART_STYLE.address
}

/// The address of the picture in the browser's tab.
pub fn mark() -> &'static str {
    &MARK.address
}

/// Serves one of them.
pub async fn serve(Path(file): Path<String>) -> Response {
    for asset in [&*STYLE, &*SCRIPT, &*PASSKEYS, &*LIVE, &*CHART, &*CHART_STYLE, &*MARK] {
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
    fn new(name: &str, end: &str, bytes: &'static [u8]) -> Self {
        let hash: String = Sha256::digest(bytes).iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        let kind = match end {
            "css" => "text/css; charset=utf-8",
            "js" => "text/javascript; charset=utf-8",
            _ => "image/svg+xml",
        };
        Self { address: format!("/assets/{name}-{hash}.{end}"), kind, bytes }
    }
}

static STYLE: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("console", "css", include_bytes!("../assets/console.css")));
static SCRIPT: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("console", "js", include_bytes!("../assets/console.js")));
static PASSKEYS: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("passkeys", "js", include_bytes!("../assets/passkeys.js")));
static LIVE: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("live", "js", include_bytes!("../assets/live.js")));
static CHART: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("uplot", "js", include_bytes!("../assets/vendor/uplot/uPlot.iife.min.js")));
static CHART_STYLE: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("uplot", "css", include_bytes!("../assets/vendor/uplot/uPlot.min.css")));
static MARK: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("mark", "svg", include_bytes!("../assets/mark.svg")));
