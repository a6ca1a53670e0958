//! What does the proxy before the Hub do to requests and answers? Asked of the Hub itself, through the address that clients
//! use, so that what is found is what clients meet.

use std::time::Duration;

use super::{LIMIT, report::Report};
use crate::{
    cli::web::{Ask, Site, ask},
    config::{Network, Settings},
};

/// Two lines that the Hub sends a second apart and that come closer than this were held back.
const TOGETHER: Duration = Duration::from_millis(400);
/// A proxy refuses a large body by its length alone; one that takes it waits for the body.
const REFUSAL_TIME: Duration = Duration::from_secs(3);

pub(super) async fn check(site: &Site, settings: &Settings, report: &mut Report) {
    check_streams(site, report).await;
    check_ranges(site, report).await;
    check_compression(site, report).await;
    check_uploads(site, settings, report).await;
    check_sender(site, settings, report).await;
}

async fn check_streams(site: &Site, report: &mut Report) {
    let Ok(reply) = ask(site, Ask::get("/probe/stream"), LIMIT).await else {
        report.fault("streams", "a stream of lines broke off", "Look at the log of the proxy.");
        return;
    };
    let gap = match (reply.pieces.first(), reply.pieces.last()) {
        (Some(first), Some(last)) => last.saturating_sub(*first),
        _ => Duration::ZERO,
    };
    if gap < TOGETHER {
        report.fault(
            "streams",
            "the proxy holds answers back: the log of a build would come all at once, at its end",
            "nginx: `proxy_buffering off;`. Apache: `flushpackets=on`. Others: turn response buffering off.",
        );
    } else {
        report.good("streams", "lines come as they are sent");
    }
}

async fn check_ranges(site: &Site, report: &mut Report) {
    let reply = ask(site, Ask::get("/probe/archive").with("range", "bytes=0-9"), LIMIT).await;
    match reply {
        Ok(reply) if reply.status == 206 && reply.body.len() == 10 => {
            report.good("ranges", "downloads can be resumed");
        }
        _ => report.fault(
            "ranges",
            "the proxy takes `Range` away: downloads that broke off begin anew",
            "Let it pass `Range` and `If-Range`, and do not let it cache or filter downloads \
             (nginx: no `proxy_set_header Range \"\"`, no `proxy_force_ranges off`, no caching).",
        ),
    }
}

async fn check_compression(site: &Site, report: &mut Report) {
    let reply = ask(site, Ask::get("/probe/archive").with("accept-encoding", "gzip, br, zstd"), LIMIT).await;
    match reply {
        Ok(reply) if !reply.header("content-encoding").is_empty() => report.fault(
            "compression",
            format!(
                "the proxy compresses archives ({}): their length and checksum are lost",
                reply.header("content-encoding")
            ),
            "Take application/zip and application/octet-stream off its list of types to compress.",
        ),
        Ok(reply) if reply.header("content-length").is_empty() => report.warn(
            "compression",
            "the proxy takes the length of downloads away: clients cannot show how far they are",
            "Do not let it filter or re-encode answers.",
        ),
        Ok(_) => report.good("compression", "archives pass as they are"),
        Err(error) => report.fault("compression", error.to_string(), "Look at the log of the proxy."),
    }
}

async fn check_uploads(site: &Site, settings: &Settings, report: &mut Report) {
    let largest = settings.packages.max_upload.0.max(settings.artifacts.max_upload.0);
    let upload = Ask { method: hyper::Method::POST, announced: Some(largest), ..Ask::get("/probe/upload") };
    match ask(site, upload, REFUSAL_TIME).await {
        Ok(reply) if reply.status == 413 => report.fault(
            "uploads",
            format!("the proxy refuses uploads of {largest} bytes, which the Hub would take"),
            "nginx: `client_max_body_size 0;` and `proxy_request_buffering off;`. Or lower `packages.max_upload`.",
        ),
        // The Hub answers at once, or a proxy waits for a body that does not come: neither minds the length.
        _ => report.good("uploads", format!("uploads of {largest} bytes are let through, as far as their length tells")),
    }
}

async fn check_sender(site: &Site, settings: &Settings, report: &mut Report) {
    if settings.server.trusted_proxies.iter().any(Network::is_everything) {
        report.fault(
            "trusted_proxies",
            "everybody is trusted to say where they come from: whoever guesses passwords is never slowed down",
            "Set `server.trusted_proxies` to the addresses of your proxies only.",
        );
        return;
    }
    let told = match ask(site, Ask::get("/probe/sender"), LIMIT).await {
        Ok(reply) => serde_json::from_slice::<serde_json::Value>(&reply.body).unwrap_or_default(),
        Err(_) => serde_json::Value::Null,
    };
    let is = |name: &str| told.get(name).and_then(serde_json::Value::as_bool);
    match (is("forwarded"), is("trusted")) {
        (Some(true), Some(false)) => report.fault(
            "trusted_proxies",
            "a proxy says where clients come from and is not believed: all of them count as one when sign-ins are slowed down",
            "Add the proxy's address to `server.trusted_proxies`.",
        ),
        (Some(false), Some(true)) => report.warn(
            "trusted_proxies",
            "a trusted proxy does not say where clients come from",
            "Let it send `X-Forwarded-For` (nginx: `proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;`).",
        ),
        (Some(_), Some(_)) => report.good("trusted_proxies", "the Hub knows where clients come from"),
        _ => report.fault("trusted_proxies", "the Hub's answer was not understood", "Look at the log of the proxy."),
    }
}
