//! `user.session.getRaw`: what the caller signed in by.

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
    let session = app.auth().session(&caller).await?;
    Ok(Json(wire::success(json!({
        "user": super::user_object(caller.require_user()?),
        "type": session.kind.as_str(),
        "createdAt": super::time_text(session.created_at),
        "expireAt": session.expires_at.map(super::time_text),
    }))))
}
