//! `artifact.update`: changes name, metadata or visibility; what is not sent stays.

use axum::{Json, extract::State, http::HeaderMap};
use serde_json::Value;

use super::{form, object::object};
use crate::{
    app::App,
    error::Error,
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
    let said = form::said(&parameters, caller.require_user()?)?;
    // Here `name` is what it shall be called, so only the id says which.
    let reference = form::by_id(&parameters.required("id")?).ok_or_else(Error::artifact_not_found)?;
    let artifact = app.hub().update_artifact(&caller, &reference, &said).await?;
    Ok(Json(wire::success(object(&artifact))))
}
