//! `user.*`, a file per method; and what several of them say of a person.

pub(super) mod authorize;
pub(super) mod grant_auto;
pub(super) mod password_login;
pub(super) mod pat_create;
pub(super) mod pat_delete;
pub(super) mod pat_list;
pub(super) mod proxied_authorize;
pub(super) mod session_dismiss;
pub(super) mod session_get_raw;
pub(super) mod whoami;

use axum::http::{HeaderMap, header};
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};

use crate::domain::user::User;

fn user_object(user: &User) -> Value {
    json!({
        "_id": user.id.to_string(),
        "name": user.login.as_str(),
        // SDK < 0.25.1 drops the token when this is missing (PROTOCOL.md F).
        "nickname": user.display_name,
        "status": "active",
    })
}

/// Times as text: the SDK's table of tokens breaks on numbers (PROTOCOL.md F).
fn time_text(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// What a program says of itself, for the person who decides whether to let it in.
fn program(headers: &HeaderMap) -> &str {
    let text =
        headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default().trim();
    if text.is_empty() { "a program that does not say what it is" } else { text }
}
