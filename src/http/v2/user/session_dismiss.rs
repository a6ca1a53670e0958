//! `user.session.dismiss`: signs out. The session ends; a personal access token that somebody signed in with stays good,
//! since `jina auth logout` only means this computer.

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
    // With nothing stored, clients send the token "None": refused with 401, which they show as "not logged in".
    let caller = app.auth().caller(&caller::credentials(&headers)).await?;
    let is_ended = app.auth().end_session(&caller).await?;
    Ok(Json(wire::success(json!({"dismissed": is_ended}))))
}
