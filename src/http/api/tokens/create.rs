//! `POST /api/v1/tokens`: a token that reaches no further than it has to.

use axum::{
    Json,
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::wire::{ScopeWord, Token};
use crate::{
    app::App,
    domain::power::Power,
    http::{
        api::{
            ask::{self, Body, SignedIn},
            openapi::WriteProblems,
        },
        problem::Problem,
    },
};

/// A token to make.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http::api) struct CreateToken {
    /// What to call it; no other live token of the same person may be called so.
    #[schema(min_length = 1, max_length = 200)]
    name: String,
    scope: ScopeWord,
    /// Limits it to these Executors, by name or id; only with the scopes `read` and `write`.
    #[schema(min_items = 1, max_items = 100)]
    executors: Option<Vec<String>>,
    /// After how many days it stops working.
    #[schema(minimum = 1, maximum = 3650)]
    days: i64,
}

#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http::api) struct CreatedToken {
    token: Token,
    /// Its text: shown here and never again.
    secret: String,
}

/// Make a token
///
/// A token with less than the scope `admin` makes none, and none outlives the token that it was asked for with.
#[utoipa::path(
    post,
    path = "/api/v1/tokens",
    tag = "tokens",
    operation_id = "createToken",
    request_body = CreateToken,
    responses((status = 201, description = "The token", body = CreatedToken), WriteProblems),
    security(("token" = []))
)]
pub(in crate::http::api) async fn handle(
    State(app): State<App>,
    SignedIn(caller): SignedIn,
    Body(request): Body<CreateToken>,
) -> Result<Response, Problem> {
    let executors = match request.executors {
        None => None,
        Some(named) => {
            let named: Vec<_> =
                named.iter().take(101).map(|text| ask::reference(text)).collect::<Result<_, _>>()?;
            Some(app.hub().ids_of(&caller, &named).await?)
        }
    };
    let power = Power { scope: request.scope.into(), executors };
    let (token, secret) =
        app.auth().issue_limited_token_for(&caller, &request.name, request.days, power).await?;
    let body = CreatedToken { token: token.into(), secret: secret.expose().to_owned() };
    let mut response = (StatusCode::CREATED, Json(body)).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}
