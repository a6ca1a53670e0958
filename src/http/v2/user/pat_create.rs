//! `user.pat.create`: a personal access token, whose text is in this answer and never again.

use axum::{Json, extract::State, http::HeaderMap};
use serde_json::{Value, json};

use crate::{
    app::App,
    domain::power::Scope,
    error::Error,
    http::{
        caller,
        v2::{error::RpcError, parameters::Parameters, wire},
    },
};

/// The default of `hubble.Client`; the command line sends 7.
const DEFAULT_DAYS: i64 = 30;

pub(in crate::http::v2) async fn handle(
    State(app): State<App>,
    headers: HeaderMap,
    parameters: Parameters,
) -> Result<Json<Value>, RpcError> {
    let caller = app.auth().caller(&caller::credentials(&headers)).await?;
    caller.require(Scope::Admin)?;
    let name = parameters.required("name")?;
    let days = match parameters.text("expirationDays") {
        None => DEFAULT_DAYS,
        Some(text) => text.trim().parse().map_err(|_| {
            Error::invalid(
                "token_expiry",
                "'expirationDays' is no whole number.",
                "Send a number of days, or nothing.",
            )
        })?,
    };
    let token = app.auth().issue_personal_token_for(&caller, &name, days).await?;
    Ok(Json(wire::success(json!({"token": token.expose()}))))
}
