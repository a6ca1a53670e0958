//! `executor.create`, `createAsync`, `update`, `updateAsync` and `push`: one way to receive a package, two ways to answer.

use axum::{
    Extension,
    extract::{Request, State},
    http::StatusCode,
    response::Response,
};
use serde_json::json;

use super::{push_form::PushForm, push_stream};
use crate::{
    app::App,
    error::Error,
    http::{
        layers::RequestId,
        ndjson,
        problem::retry_after,
        push,
        v2::{error, parameters::Parameters},
    },
    hub::publish::Accepted,
};

/// Which method was called; the same form means different things to each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    /// `create`, `createAsync`
    Create,
    /// `update`, `updateAsync`
    Update,
    /// `push`
    Push,
}

pub(in crate::http::v2) async fn create(
    State(app): State<App>,
    Extension(id): Extension<RequestId>,
    request: Request,
) -> Response {
    stream(app, Method::Create, &id, request).await
}

pub(in crate::http::v2) async fn update(
    State(app): State<App>,
    Extension(id): Extension<RequestId>,
    request: Request,
) -> Response {
    stream(app, Method::Update, &id, request).await
}

pub(in crate::http::v2) async fn push(
    State(app): State<App>,
    Extension(id): Extension<RequestId>,
    request: Request,
) -> Response {
    stream(app, Method::Push, &id, request).await
}

pub(in crate::http::v2) async fn create_async(
    State(app): State<App>,
    Extension(id): Extension<RequestId>,
    request: Request,
) -> Response {
    task(app, Method::Create, &id, request).await
}

pub(in crate::http::v2) async fn update_async(
    State(app): State<App>,
    Extension(id): Extension<RequestId>,
    request: Request,
) -> Response {
    task(app, Method::Update, &id, request).await
}

/// Answers with the story of the build, to its end.
async fn stream(app: App, method: Method, id: &RequestId, request: Request) -> Response {
    match receive(&app, method, request).await {
        Ok((accepted, verbose)) => {
            ndjson::response(push_stream::lines(&app, accepted, verbose, id.0.clone()))
        }
        Err(error) => refuse(&error, id),
    }
}

/// Answers at once with the task's id (PROTOCOL.md C).
async fn task(app: App, method: Method, id: &RequestId, request: Request) -> Response {
    match receive(&app, method, request).await {
        Ok((accepted, _)) => {
            let task = accepted.task.map(|task| task.to_string());
            let data = json!({
                "_id": task,
                "topic": "executor:buildAndCreateNewCommit",
                "data": {
                    "executor": accepted.executor.id.as_str(),
                    "visibility": accepted.visibility.as_str(),
                    "commitTags": accepted.tags,
                },
                "status": "created",
            });
            ndjson::single(StatusCode::ACCEPTED, &json!({"code": 202, "status": 20200, "data": data}))
        }
        Err(error) => refuse(&error, id),
    }
}

fn refuse(error: &Error, id: &RequestId) -> Response {
    let line = error::stream_line(error, Some(&id.0));
    let mut response = ndjson::single(error::http_status(error.kind), &line);
    retry_after(error, response.headers_mut());
    response.extensions_mut().insert(error::for_log(error));
    response
}

/// Receives and accepts a push; also whether the client wants to see everything.
async fn receive(app: &App, method: Method, request: Request) -> Result<(Accepted, bool), Error> {
    let (parts, body) = request.into_parts();
    let parameters = Parameters::of_query(parts.uri.query());
    let mut form = PushForm { method, parameters, headers: &parts.headers };
    let accepted = push::receive(app, &parts, body, &mut form).await?;
    Ok((accepted, form.parameters.flag("verbose")))
}
