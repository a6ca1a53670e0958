//! `artifact.getDownloadUrl`: where the bytes are fetched without saying who asks.

use axum::{Json, extract::State, http::HeaderMap};
use serde_json::{Value, json};

use super::form;
use crate::{
    app::App,
    http::{
        artifacts, caller,
        v2::{error::RpcError, parameters::Parameters, wire},
    },
};

pub(in crate::http::v2) async fn handle(
    State(app): State<App>,
    headers: HeaderMap,
    parameters: Parameters,
) -> Result<Json<Value>, RpcError> {
    let caller = app.auth().caller(&caller::credentials(&headers)).await?;
    let address = app.hub().artifact_address(&caller, &form::reference(&parameters)?).await?;
    let download = artifacts::address(&app.settings().server.external_url, &address);
    Ok(Json(wire::success(json!({"download": download}))))
}
