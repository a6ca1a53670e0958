//! `user.identity.whoami`: who the token belongs to. Clients call it two to five times a push, so it is one look-up.

use axum::{Json, extract::State, http::HeaderMap};
use serde_json::Value;

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
    Ok(Json(wire::success(super::user_object(caller.require_user()?))))
}
