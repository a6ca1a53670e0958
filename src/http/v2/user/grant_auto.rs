//! `user.identity.grant.auto`: the code and the state of a sign-in for a session token, once.

use axum::{Json, extract::State};
use serde_json::{Value, json};

use crate::{
    app::App,
    auth::device::Grant,
    domain::Secret,
    http::v2::{error::RpcError, parameters::Parameters, wire},
};

pub(in crate::http::v2) async fn handle(
    State(app): State<App>,
    parameters: Parameters,
) -> Result<Json<Value>, RpcError> {
    let grant = Grant {
        code: Secret::new(parameters.required("code")?),
        state: Secret::new(parameters.required("state")?),
    };
    let (user, token) = app.auth().exchange_grant(&grant).await?;
    Ok(Json(wire::success(json!({"token": token.expose(), "user": super::user_object(&user)}))))
}
