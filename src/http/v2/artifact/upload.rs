//! `artifact.upload`: a file and what is said of it, in whatever order they come; the SDK sends the fields after the file.

use axum::{
    Json,
    extract::{Request, State},
    http::header,
};
use serde_json::Value;

use super::{form, object::object};
use crate::{
    app::App,
    auth::Caller,
    domain::artifact::{Artifact, ArtifactRef},
    error::Error,
    http::{
        caller,
        upload::{self, Form},
        v2::{error::RpcError, parameters::Parameters, wire},
    },
    hub::artifacts::{ReceivedArtifact, UploadArtifact},
};

pub(in crate::http::v2) async fn handle(
    State(app): State<App>,
    request: Request,
) -> Result<Json<Value>, RpcError> {
    let artifact = receive(&app, request).await?;
    Ok(Json(wire::success(object(&artifact))))
}

/// Receives and stores an artifact. Whatever is refused, the body is read to its end first: a client that is still
/// sending sees a broken connection instead of the answer.
async fn receive(app: &App, request: Request) -> Result<Artifact, Error> {
    let (parts, body) = request.into_parts();
    let caller = app.auth().caller(&caller::credentials(&parts.headers)).await;
    let caller = match caller.and_then(|caller| caller.require_user().map(|_| ()).map(|()| caller)) {
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
    let read = read_form(app, &mut form, &mut parameters).await;
    match read.and_then(|file| Ok((what(&parameters, &caller)?, file))) {
        Ok((upload, file)) => app.hub().upload_artifact(&caller, upload, file).await,
        Err(error) => {
            form.drain().await;
            Err(error)
        }
    }
}

async fn read_form(
    app: &App,
    form: &mut Form,
    parameters: &mut Parameters,
) -> Result<ReceivedArtifact, Error> {
    let mut received = None;
    while let Some(part) = form.next().await? {
        if !part.is_file() {
            parameters.add(part.name(), part.text().await?);
        } else if received.is_none() {
            received = Some(part.receive_artifact(app.hub()).await?);
        } else {
            return Err(Error::invalid("several_files", "The form has several files.", "Send one file."));
        }
    }
    received.ok_or_else(|| {
        Error::invalid("file_missing", "The form has no file.", "Send the bytes as the part 'file'.")
    })
}

fn what(parameters: &Parameters, caller: &Caller) -> Result<UploadArtifact, Error> {
    let id = match parameters.text("id").map(|text| form::by_id(&text)) {
        None => None,
        Some(Some(ArtifactRef::Id(id))) => Some(id),
        Some(_) => return Err(Error::artifact_not_found()),
    };
    Ok(UploadArtifact { id, said: form::said(parameters, caller.require_user()?)? })
}
