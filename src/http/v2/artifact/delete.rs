//! `artifact.delete`: deletes one artifact, with its bytes unless others have the same.

use axum::{Json, extract::State, http::HeaderMap};
use serde_json::{Value, json};

use super::form;
use crate::{
    app::App,
    http::{
        caller,
        v2::{error::RpcError, parameters::Parameters, wire},
    },
};

pub(in crate::http::v2) async fn handle(
    State(app): State<App>,
    headers: HeaderMap,
    parameters: Parameters,
) -> Result<Json<Value>, RpcError> {
    let caller = app.auth().caller(&caller::credentials(&headers)).await?;
    caller.require_user()?;
    app.hub().delete_artifact(&caller, &form::reference(&parameters)?).await?;
    Ok(Json(wire::success(json!({"deleted": 1}))))
}
