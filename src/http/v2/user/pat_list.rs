//! `user.pat.list`: a person's personal access tokens that are good, never their texts.

use axum::{Json, extract::State, http::HeaderMap};
use serde_json::{Value, json};

use crate::{
    app::App,
    domain::power::Scope,
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
    let tokens = app.auth().list_personal_tokens(caller.require(Scope::Admin)?.id).await?;
    let tokens: Vec<Value> = tokens
        .into_iter()
        .map(|token| {
            json!({
                "_id": token.id.to_string(),
                "name": token.name,
                "type": "personal",
                "createdAt": super::time_text(token.created_at),
                "expireAt": token.expires_at.map(super::time_text),
                // The client's table calls this column "Last use at".
                "updatedAt": token.last_used_at.map(super::time_text),
            })
        })
        .collect();
    Ok(Json(wire::success(json!({"personal_access_tokens": tokens}))))
}
