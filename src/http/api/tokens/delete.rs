//! `DELETE /api/v1/tokens/{token}`: a token that works no more.

use axum::{extract::State, http::StatusCode};

use crate::{
    app::App,
    http::{
        api::{
            ask::{self, Part, SignedIn},
            openapi::WriteProblems,
        },
        problem::Problem,
    },
};

/// Revoke a token of whoever asks
#[utoipa::path(
    delete,
    path = "/api/v1/tokens/{token}",
    tag = "tokens",
    operation_id = "deleteToken",
    params(("token" = String, Path, description = "Id of the token")),
    responses((status = 204, description = "It works no more"), WriteProblems),
    security(("token" = []))
)]
pub(in crate::http::api) async fn handle(
    State(app): State<App>,
    SignedIn(caller): SignedIn,
    Part(token): Part<String>,
) -> Result<StatusCode, Problem> {
    let id = token.parse().map_err(|_| ask::no_such_path())?;
    app.auth().revoke_token_of(&caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
