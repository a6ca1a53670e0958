//! `user.pat.delete`: revokes a personal access token by name, also the one that asks.

use axum::{Json, extract::State, http::HeaderMap};
use serde_json::{Value, json};

use crate::{
    app::App,
    domain::power::Scope,
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
    let user = caller.require(Scope::Admin)?.id;
    app.auth().revoke_personal_token(user, &parameters.required("name")?).await?;
    Ok(Json(wire::success(json!({}))))
}
