//! `executor.create`, `createAsync`, `update`, `updateAsync` and `push`: one way to receive a package, two ways to answer.

use axum::{
    Extension,
    extract::{Request, State},
    http::{HeaderMap, StatusCode, header},
    response::Response,
};
use serde_json::json;

use super::{push_form::PushForm, push_stream};
use crate::{
    app::App,
    auth::Caller,
    error::Error,
    http::{
        caller,
        layers::RequestId,
        ndjson,
        upload::{self, Form},
        v2::{error, parameters::Parameters},
    },
    hub::publish::{Accepted, Admitted, Upload},
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
    response.extensions_mut().insert(error::for_log(error));
    response
}

/// Receives and accepts a push. Whatever is refused, the body is read to its end first: a client that is still sending
/// sees a broken connection instead of the answer.
async fn receive(app: &App, method: Method, request: Request) -> Result<(Accepted, bool), Error> {
    let (parts, body) = request.into_parts();
    let caller = match app.auth().caller(&caller::credentials(&parts.headers)).await {
        Ok(caller) => caller,
        Err(error) => {
            upload::drain(body.into_data_stream()).await;
            return Err(error);
        }
    };
    let content_type = parts.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let read_timeout = app.settings().server.read_timeout.0;
    let mut form = Form::new(content_type, body.into_data_stream(), read_timeout)?;
    let mut parameters = Parameters::of_query(parts.uri.query());
    match read_form(app, method, &caller, &parts.headers, &mut form, &mut parameters).await {
        Ok((admitted, upload)) => {
            let verbose = parameters.flag("verbose");
            Ok((app.hub().accept(admitted, upload).await?, verbose))
        }
        Err(error) => {
            form.drain().await;
            Err(error)
        }
    }
}

/// Reads fields and file in whatever order they come. Fields before the file decide before its bytes are kept.
async fn read_form(
    app: &App,
    method: Method,
    caller: &Caller,
    headers: &HeaderMap,
    form: &mut Form,
    parameters: &mut Parameters,
) -> Result<(Admitted, Upload), Error> {
    let mut admitted = None;
    let mut received = None;
    while let Some(part) = form.next().await? {
        if part.is_file() {
            if received.is_some() {
                return Err(Error::invalid("several_files", "The form has several files.", "Send one zip."));
            }
            let push = PushForm::new(parameters, headers).read(method)?;
            admitted = Some(app.hub().admit(caller, push).await?);
            received = Some(part.receive(app.hub()).await?);
        } else {
            let name = part.name();
            parameters.add(name, part.text().await?);
            // What comes after the file counts as well: then everything is decided again.
            admitted = None;
        }
    }
    let Some(file) = received else {
        return Err(Error::invalid(
            "file_missing",
            "The form has no file.",
            "Send the package as the part 'file'.",
        ));
    };
    let admitted = match admitted {
        Some(admitted) => admitted,
        None => app.hub().admit(caller, PushForm::new(parameters, headers).read(method)?).await?,
    };
    let claimed_md5 = parameters.text("md5sum");
    Ok((admitted, Upload { file, claimed_md5 }))
}
