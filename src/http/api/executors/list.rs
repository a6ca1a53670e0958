//! `GET /api/v1/executors`: Executors that the caller may see: recent, trending, by name, or those that fit a text.

use axum::{extract::State, http::HeaderMap, response::Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::wire::{ExecutorSummary, VisibilityWord};
use crate::{
    app::App,
    domain::query::Query,
    error::Error,
    http::{
        api::{
            answer,
            ask::{self, Asker, Parameters},
            openapi::ReadProblems,
        },
        problem::Problem,
    },
    hub::listing::{Listing, Narrowed, Order},
};

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::http::api) struct ListRequest {
    /// Recent when nothing is said. A search has its own order: the best first.
    #[param(inline)]
    sort: Option<SortWord>,
    /// What to look for: in names, keywords, descriptions, readmes and arguments. The last word may be unfinished, and
    /// slips of the finger are forgiven where nothing fits as it is.
    #[param(max_length = 200, min_length = 1)]
    q: Option<String>,
    /// Login of the owner.
    owner: Option<String>,
    /// One keyword, in any case.
    keyword: Option<String>,
    visibility: Option<VisibilityWord>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// Items of a page; 20 when nothing is said.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<i64>,
}

/// An order of the list.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::http::api) enum SortWord {
    /// Pushed last first.
    Recent,
    /// Pulled most in the last seven days first.
    Trending,
    /// By name.
    Name,
}

#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http::api) struct ExecutorPage {
    executors: Vec<ExecutorSummary>,
    /// Absent on the last page.
    next_cursor: Option<String>,
}

/// List or search Executors
#[utoipa::path(
    get,
    path = "/api/v1/executors",
    tag = "executors",
    operation_id = "listExecutors",
    params(ListRequest),
    responses((status = 200, description = "A page", body = ExecutorPage), (status = 304, description = "As the caller has it"), ReadProblems)
)]
pub(in crate::http::api) async fn handle(
    State(app): State<App>,
    Asker(caller): Asker,
    headers: HeaderMap,
    Parameters(request): Parameters<ListRequest>,
) -> Result<Response, Problem> {
    let size = ask::page_size(request.limit)?;
    let cursor = request.cursor.clone();
    let listing = read(request)?;
    let page = app.hub().list(&caller, &listing, cursor.as_deref(), size).await?;
    let executors = page.items.into_iter().map(ExecutorSummary::from).collect();
    answer::json(&headers, &ExecutorPage { executors, next_cursor: page.next })
}

fn read(request: ListRequest) -> Result<Listing, Error> {
    let query = match request.q.as_deref() {
        None => None,
        Some(_) if request.sort.is_some() => {
            let remedy = "Leave one of them out.";
            return Err(Error::invalid(
                "sort",
                "A search has its own order: `q` and `sort` exclude each other.",
                remedy,
            ));
        }
        Some(text) => Some(read_query(text)?),
    };
    let owner = request.owner.map(|owner| owner.parse()).transpose().map_err(|reason| {
        Error::invalid("owner", format!("The owner is no login: {reason}."), "Check the login.")
    })?;
    if request.keyword.as_deref().is_some_and(|word| word.is_empty() || word.contains('\0')) {
        return Err(Error::invalid(
            "keyword",
            "The keyword is empty or holds a NUL character.",
            "Choose another.",
        ));
    }
    Ok(Listing {
        order: match request.sort {
            None | Some(SortWord::Recent) => Order::Recent,
            Some(SortWord::Trending) => Order::Trending,
            Some(SortWord::Name) => Order::Name,
        },
        narrowed: Narrowed {
            owner,
            keyword: request.keyword,
            visibility: request.visibility.map(Into::into),
            ..Narrowed::default()
        },
        query,
    })
}

fn read_query(text: &str) -> Result<Query, Error> {
    let fits = !text.contains('\0') && text.chars().count() <= 200;
    fits.then(|| Query::read(text)).flatten().ok_or_else(|| {
        let cause = "`q` holds no word, a NUL character, or more than 200 characters.";
        Error::invalid("q", cause, "Look for a word of letters and digits.")
    })
}
