//! `user.identity.whoami`: who the token belongs to. Clients call it two to five times a push, so it is one look-up.

use axum::{Json, extract::State, http::HeaderMap};
use serde_json::{Value, json};

use crate::{
    app::App,
    http::{
        caller,
        v2::{error::RpcError, wire},
    },
};

pub(in crate::http::v2) async fn handle(
    State(app): State<App>,
    headers: HeaderMap,
) -> Result<Json<Value>, RpcError> {
    let caller = app.auth().caller(&caller::credentials(&headers)).await?;
    let user = caller.require_user()?;
    Ok(Json(wire::success(&json!({
        "_id": user.id.to_string(),
        "name": user.login.as_str(),
        // SDK < 0.25.1 drops the token when this is missing (PROTOCOL.md F).
        "nickname": user.display_name,
        "status": "active",
    }))))
}
