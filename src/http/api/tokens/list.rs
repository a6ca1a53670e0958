//! `GET /api/v1/tokens`: the tokens of whoever asks that are good.

use axum::{extract::State, http::HeaderMap, response::Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::wire::Token;
use crate::{
    app::App,
    domain::power::Scope,
    http::{
        api::{answer, ask::SignedIn, openapi::ReadProblems},
        problem::Problem,
    },
};

#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http::api) struct TokenList {
    /// Newest first; at most a thousand.
    tokens: Vec<Token>,
}

/// List the tokens of whoever asks
#[utoipa::path(
    get,
    path = "/api/v1/tokens",
    tag = "tokens",
    operation_id = "listTokens",
    responses((status = 200, description = "The tokens", body = TokenList), (status = 304, description = "As the caller has it"), ReadProblems),
    security(("token" = []))
)]
pub(in crate::http::api) async fn handle(
    State(app): State<App>,
    SignedIn(caller): SignedIn,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let tokens = app.auth().list_personal_tokens(caller.require(Scope::Admin)?.id).await?;
    answer::json(&headers, &TokenList { tokens: tokens.into_iter().map(Token::from).collect() })
}
