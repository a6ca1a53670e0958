//! What lies between the Hub and whoever asks? Small answers of the kinds that proxies spoil: streams, ranges, archives and
//! uploads. `executor-hub doctor` asks for them; they tell nothing of what anybody keeps here and cost next to nothing.

use std::time::Duration;

use axum::{
    Json,
    extract::State,
    http::{Extensions, HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use serde_json::json;

use super::{
    address::Peer,
    ndjson,
    problem::Problem,
    refused,
    routes::{Needs, Routes},
};
use crate::app::App;

/// The pause in the middle of the stream: longer than any network takes by itself.
const PAUSE: Duration = Duration::from_secs(1);
/// What stands for an archive: enough that a proxy finds it worth compressing.
const ARCHIVE_BYTES: usize = 4096;

pub(super) fn routes() -> Routes {
    Routes::new()
        .get("/probe/stream", Needs::Nothing, async || ndjson::response(two_lines()))
        .get("/probe/archive", Needs::Nothing, archive)
        .post("/probe/upload", Needs::Nothing, async || "ok\n")
        .get("/probe/sender", Needs::Nothing, sender)
        .refuse_other_methods(async || Problem::from(refused::other_method()))
}

fn two_lines() -> impl futures_util::Stream<Item = serde_json::Value> + Send + 'static {
    futures_util::stream::unfold(0, async |line| {
        if line == 1 {
            tokio::time::sleep(PAUSE).await;
        }
        (line < 2).then(|| (json!({ "line": line }), line + 1))
    })
}

/// Zeros with the headers of a package; of ranges only `bytes=0-9` is known, which is what the doctor asks for.
async fn archive(headers: HeaderMap) -> Response {
    let wants_range = headers.get(header::RANGE).is_some_and(|range| range == "bytes=0-9");
    let (status, length) =
        if wants_range { (StatusCode::PARTIAL_CONTENT, 10) } else { (StatusCode::OK, ARCHIVE_BYTES) };
    let mut response = (status, vec![0; length]).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/zip"));
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if wants_range {
        headers.insert(header::CONTENT_RANGE, HeaderValue::from_static("bytes 0-9/4096"));
    }
    response
}

/// Whether a proxy speaks for somebody, and whether it is believed. Addresses are not told: they are the operator's.
async fn sender(
    State(app): State<App>,
    extensions: Extensions,
    headers: HeaderMap,
) -> Json<serde_json::Value> {
    let trusted = &app.settings().server.trusted_proxies;
    let is_trusted = extensions
        .get::<Peer>()
        .is_some_and(|Peer(peer)| trusted.iter().any(|network| network.contains(peer.to_canonical())));
    Json(json!({ "forwarded": headers.contains_key("x-forwarded-for"), "trusted": is_trusted }))
}
