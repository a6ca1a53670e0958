//! `/api/v1/people`: accounts, for admins.

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    answer,
    ask::{self, Body, PageRequest, Parameters, Part, SignedIn},
    openapi::{ReadProblems, WriteProblems},
};
use crate::{
    app::App,
    auth::accounts::Account,
    domain::{Secret, user::Role},
    http::problem::Problem,
};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(invite))
}

/// Somebody who may sign in.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http::api) struct Person {
    login: String,
    display_name: String,
    is_admin: bool,
    has_password: bool,
    created_at: DateTime<Utc>,
    /// Since when they may not sign in any more.
    disabled_at: Option<DateTime<Utc>>,
}

impl From<Account> for Person {
    fn from(account: Account) -> Self {
        Self {
            login: account.user.login.to_string(),
            display_name: account.user.display_name,
            is_admin: account.user.role == Role::Admin,
            has_password: account.has_password,
            created_at: account.created_at,
            disabled_at: account.disabled_at,
        }
    }
}

#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http::api) struct PersonPage {
    people: Vec<Person>,
    /// Absent on the last page.
    next_cursor: Option<String>,
}

/// Somebody to add.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http::api) struct CreatePerson {
    /// 1 to 64 letters, digits, `-`, `_` and `.`.
    #[schema(min_length = 1, max_length = 64, pattern = "^[A-Za-z0-9._-]{1,64}$")]
    login: String,
    /// The login when nothing is said.
    #[schema(max_length = 100)]
    display_name: Option<String>,
    #[serde(default)]
    is_admin: bool,
}

/// A link with which a person chooses their password: good once, for a week.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http::api) struct Invitation {
    login: String,
    /// Shown here and never again.
    link: String,
}

/// List people by login
#[utoipa::path(
    get,
    path = "/api/v1/people",
    tag = "people",
    operation_id = "listPeople",
    params(PageRequest),
    responses((status = 200, description = "A page", body = PersonPage), (status = 304, description = "As the caller has it"), ReadProblems),
    security(("token" = []))
)]
pub(in crate::http::api) async fn list(
    State(app): State<App>,
    SignedIn(caller): SignedIn,
    headers: HeaderMap,
    Parameters(request): Parameters<PageRequest>,
) -> Result<Response, Problem> {
    let size = ask::page_size(request.limit)?;
    let page = app.auth().people(&caller, request.cursor.as_deref(), size).await?;
    let people = page.items.into_iter().map(Person::from).collect();
    answer::json(&headers, &PersonPage { people, next_cursor: page.next })
}

/// Add a person and invite them
#[utoipa::path(
    post,
    path = "/api/v1/people",
    tag = "people",
    operation_id = "createPerson",
    request_body = CreatePerson,
    responses((status = 201, description = "They are there and invited", body = Invitation), WriteProblems),
    security(("token" = []))
)]
pub(in crate::http::api) async fn create(
    State(app): State<App>,
    SignedIn(caller): SignedIn,
    Body(request): Body<CreatePerson>,
) -> Result<Response, Problem> {
    let role = if request.is_admin { Role::Admin } else { Role::Member };
    let (user, word) =
        app.auth().add_person(&caller, &request.login, request.display_name.as_deref(), role).await?;
    Ok(invited(&app, user.login.as_str(), &word))
}

/// Invite a person to choose another password
#[utoipa::path(
    post,
    path = "/api/v1/people/{login}/invitation",
    tag = "people",
    operation_id = "invitePerson",
    params(("login" = String, Path, description = "Their login")),
    responses((status = 201, description = "They are invited; invitations from before end", body = Invitation), WriteProblems),
    security(("token" = []))
)]
pub(in crate::http::api) async fn invite(
    State(app): State<App>,
    SignedIn(caller): SignedIn,
    Part(login): Part<String>,
) -> Result<Response, Problem> {
    let word = app.auth().invite_again(&caller, &login).await?;
    Ok(invited(&app, &login, &word))
}

fn invited(app: &App, login: &str, word: &Secret) -> Response {
    let link = format!("{}/invitations/{}", app.settings().server.external_url, word.expose());
    let body = Invitation { login: login.to_owned(), link };
    let mut response = (StatusCode::CREATED, Json(body)).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
