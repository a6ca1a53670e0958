//! `user.identity.proxiedAuthorize`: a client waits while its person signs in with a browser. Lines of JSON: where the
//! browser goes, then the code and state, or why not; the client acts only after the stream has ended (PROTOCOL.md F).

use std::time::Duration;

use axum::{
    extract::State,
    http::HeaderMap,
    response::{IntoResponse as _, Response},
};
use futures_util::{Stream, StreamExt as _, stream};
use serde_json::{Value, json};

use crate::{
    app::App,
    auth::device::{Grant, Outcome},
    domain::Secret,
    error::Error,
    http::{
        address::ClientAddress,
        ndjson,
        v2::error::{for_log, http_status},
    },
};

/// Common proxies close what was silent for a minute.
const BREATH: Duration = Duration::from_secs(15);

pub(in crate::http::v2) async fn handle(
    State(app): State<App>,
    ClientAddress(address): ClientAddress,
    headers: HeaderMap,
) -> Response {
    match app.auth().start_device_sign_in(super::program(&headers), address).await {
        Ok((link, grant)) => ndjson::breathing(lines(app, link, grant)),
        Err(error) => refusal(&error),
    }
}

/// Clients read lines whatever the status is, and die of one without `event`.
fn refusal(error: &Error) -> Response {
    let line = ndjson::single(http_status(error.kind), &event("error", &json!(error.sentence())));
    let mut response = line.into_response();
    response.extensions_mut().insert(for_log(error));
    response
}

fn lines(app: App, link: Secret, grant: Grant) -> impl Stream<Item = Option<Value>> + Send + 'static {
    let page = super::authorize::page(&app, &link);
    let redirect = stream::iter([Some(event("redirect", &json!({"redirectTo": page})))]);
    let stopping = app.stopping();
    let end = async move {
        let outcome = tokio::select! {
            outcome = app.auth().device_outcome(&link) => outcome,
            // Another replica, or the next start, can serve a new try at once.
            () = stopping.cancelled_owned() => Outcome::Expired,
        };
        match outcome {
            Outcome::Allowed => {
                event("authorize", &json!({"code": grant.code.expose(), "state": grant.state.expose()}))
            }
            Outcome::Refused => event("error", &json!("The sign-in was refused in the browser.")),
            Outcome::Waiting | Outcome::Expired => {
                event("error", &json!("Nobody signed in in time. Try again with `jina auth login`."))
            }
        }
    };
    let rest = stream::unfold(Some(Box::pin(end)), async |end| {
        let mut end = end?;
        Some(tokio::select! {
            event = &mut end => (Some(event), None),
            () = tokio::time::sleep(BREATH) => (None, Some(end)),
        })
    });
    redirect.chain(rest)
}

fn event(name: &str, data: &Value) -> Value {
    json!({"event": name, "data": data})
}
