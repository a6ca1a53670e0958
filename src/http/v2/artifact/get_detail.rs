//! `artifact.getDetail`: what is known of an artifact.

use axum::{Json, extract::State, http::HeaderMap};
use serde_json::Value;

use super::{form, object::object};
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
    let artifact = app.hub().artifact(&caller, &form::reference(&parameters)?).await?;
    Ok(Json(wire::success(object(&artifact))))
}
