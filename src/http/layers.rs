//! What happens around every request? In this order: tidy the path, give the request an id, log it, guard against
//! panics, set the headers that every answer carries.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, PoisonError, RwLock},
    time::{Duration, Instant},
};

use axum::{
    BoxError, Router,
    body::{Bytes, HttpBody},
    extract::{MatchedPath, Request, State},
    http::{HeaderName, HeaderValue, Method, Uri, header},
    middleware::{self, Next},
    response::{IntoResponse as _, Response},
};
use tower::{Layer as _, ServiceBuilder, util::MapRequestLayer};
use tower_http::catch_panic::CatchPanicLayer;
use tracing::Instrument as _;

use super::{address, server::Surface};
use crate::{app::App, auth::Origin, domain::id::request_id, telemetry};

/// The id of a request, in its extensions and in the answer's `x-request-id`.
#[derive(Debug, Clone)]
pub(super) struct RequestId(pub(super) String);

/// Carried by an answer so that the log tells why; never sent.
#[derive(Debug, Clone)]
pub(super) struct LoggedError {
    pub(super) code: &'static str,
    pub(super) text: String,
}

tokio::task_local! {
    /// So that an error can name its request wherever it is rendered.
    static CURRENT: RequestId;
}

/// The id of the request that this task answers.
pub(super) fn current_request_id() -> Option<String> {
    CURRENT.try_with(|id| id.0.clone()).ok()
}

pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Wraps the routes.
pub(super) fn around<B>(routes: Router, app: &App) -> impl Surface<B> + use<B>
where
    B: HttpBody<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    let around_each = ServiceBuilder::new()
        .layer(middleware::from_fn_with_state(app.clone(), identify_and_log))
        .layer(CatchPanicLayer::custom(|_: Box<dyn std::any::Any + Send>| {
            // The panic hook has written the details; nothing of them is shown.
            let error = crate::error::Error::internal("a handler panicked");
            super::problem::Problem::from(error).into_response()
        }));
    // The path must be tidy before routing, and only a service around the whole router comes before that.
    let base: Arc<str> = app.settings().server.base_path().into();
    MapRequestLayer::new(move |request: Request<B>| tidy_path(request, &base))
        .layer(routes.layer(around_each))
}

async fn identify_and_log(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let id = RequestId(request_id());
    request.extensions_mut().insert(id.clone());
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let route = route.as_ref().map(MatchedPath::as_str);
    let uri = request.uri().clone();
    // The query is left out: download addresses carry their permission there.
    let path = loggable(uri.path());
    let session = request
        .headers()
        .get("jinameta-session-id")
        .and_then(|value| value.to_str().ok())
        .filter(|text| {
            text.len() <= 64 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        })
        .map(str::to_owned);
    let address = address::of(request.headers(), request.extensions(), &app);
    let origin = Origin::of_request(address, id.0.clone());
    let span = telemetry::request_span(&method, route, &id.0, request.headers());
    let answering = CURRENT.scope(id.clone(), origin.during(next.run(request)));
    let mut response = answering.instrument(span.clone()).await;
    let duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    let status = response.status().as_u16();
    telemetry::end_request(&span, status);
    count(route, &method, status, started.elapsed());
    let error = response.extensions_mut().remove::<LoggedError>();
    match error {
        Some(error) if status >= 500 => tracing::error!(
            request_id = id.0, %method, path, status, duration_ms, session_id = session,
            code = error.code, error = error.text, "request failed"
        ),
        Some(error) => tracing::info!(
            request_id = id.0, %method, path, status, duration_ms, session_id = session, code = error.code, "request refused"
        ),
        None => {
            tracing::debug!(request_id = id.0, %method, path, status, duration_ms, session_id = session, "request");
        }
    }
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(&id.0) {
        headers.insert(REQUEST_ID, value);
    }
    headers.entry(header::X_CONTENT_TYPE_OPTIONS).or_insert(HeaderValue::from_static("nosniff"));
    headers.entry(header::REFERRER_POLICY).or_insert(HeaderValue::from_static("no-referrer"));
    headers.entry(header::X_FRAME_OPTIONS).or_insert(HeaderValue::from_static("DENY"));
    response
}

/// What counts requests of one kind: how many, and how long they took.
type Meters = (metrics::Counter, metrics::Histogram);
/// Those of one route, by method and code.
type RouteMeters = Vec<(&'static str, u16, Meters)>;

/// For the metrics: by the template of the route, since whoever asks can make up paths and methods. Looking for the right
/// meters is as much work as a quick answer, so those of each route are kept, with the methods and codes that they are for.
fn count(route: Option<&str>, method: &Method, status: u16, took: Duration) {
    static METERS: LazyLock<RwLock<HashMap<String, RouteMeters>>> = LazyLock::new(RwLock::default);
    let route = route.unwrap_or("none");
    let method = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
        .into_iter()
        .find(|known| *known == method.as_str())
        .unwrap_or("other");
    let note = |(counter, histogram): &Meters| {
        counter.increment(1);
        histogram.record(took.as_secs_f64());
    };
    let is_it = |meters: &&(&str, u16, Meters)| meters.0 == method && meters.1 == status;
    if let Some((_, _, meters)) = METERS
        .read()
        .unwrap_or_else(PoisonError::into_inner)
        .get(route)
        .and_then(|of_route| of_route.iter().find(is_it))
    {
        return note(meters);
    }
    let (label, code) = (route.to_owned(), status.to_string());
    let meters = (
        metrics::counter!("hub_http_requests_total", "route" => label.clone(), "method" => method, "code" => code),
        metrics::histogram!("hub_http_request_duration_seconds", "route" => label, "method" => method),
    );
    note(&meters);
    let mut all = METERS.write().unwrap_or_else(PoisonError::into_inner);
    all.entry(route.to_owned()).or_default().push((method, status, meters));
}

/// The path without what it grants: whoever reads the log must not be able to take up somebody's invitation
/// or pull a private image.
fn loggable(path: &str) -> &str {
    const INVITATIONS: &str = "/invitations/";
    const IMAGES: &str = "/v2/";
    if path.starts_with(INVITATIONS) {
        return INVITATIONS;
    }
    // The name of a repository may hold a key to it, in whatever spelling.
    match path.strip_prefix(IMAGES) {
        Some(rest) if rest.contains("/key/") || rest.contains('%') => IMAGES,
        _ => path,
    }
}

/// Two slashes in a row become one: SDKs join `JINA_HUBBLE_REGISTRY` and `/v2/…` without looking (PROTOCOL.md, trap 17).
/// The path of `server.external_url` goes; a path without it is answered as well, for proxies that take it away themselves
/// and for clients before the SDK, which drop every path (PROTOCOL.md, base address).
fn tidy_path<B>(mut request: Request<B>, base: &str) -> Request<B> {
    let uri = request.uri();
    if uri.path().contains("//") || (!base.is_empty() && uri.path().starts_with(base)) {
        let mut path = String::with_capacity(uri.path().len());
        for c in uri.path().chars() {
            if !(c == '/' && path.ends_with('/')) {
                path.push(c);
            }
        }
        match path.strip_prefix(base) {
            Some("") => "/".clone_into(&mut path),
            Some(rest) if rest.starts_with('/') => path = rest.to_owned(),
            // It only begins with the same letters.
            _ => {}
        }
        if let Some(query) = uri.query() {
            path.push('?');
            path.push_str(query);
        }
        if let Ok(uri) = path.parse::<Uri>() {
            *request.uri_mut() = uri;
        }
    }
    request
}

#[cfg(test)]
mod tests {
    use super::loggable;

    #[test]
    fn what_a_path_permits_is_not_logged() {
        assert_eq!(loggable("/invitations/the-word"), "/invitations/");
        assert_eq!(loggable("/v2/w7qckiqy/key/00ff/manifests/latest"), "/v2/");
        assert_eq!(loggable("/v2/w7qckiqy/%6bey/00ff/manifests/latest"), "/v2/");
        assert_eq!(loggable("/v2/alice/hello/manifests/latest"), "/v2/alice/hello/manifests/latest");
        assert_eq!(loggable("/v2/rpc/executor.push"), "/v2/rpc/executor.push");
    }
}
