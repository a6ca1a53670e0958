//! `GET /api/v1/executors`: Executors that the caller may see, the last pushed first, by cursor.

use axum::{
    Json,
    extract::{Query, State},
    http::HeaderMap,
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    app::App,
    domain::page::PageSize,
    error::Error,
    http::{caller, problem::Problem},
    hub::catalog::Listed,
};

#[derive(Debug, Deserialize)]
pub(in crate::http) struct ListRequest {
    sort: Option<String>,
    cursor: Option<String>,
    limit: Option<i64>,
}

#[derive(Debug, Serialize)]
pub(in crate::http) struct ListResponse {
    executors: Vec<ExecutorSummary>,
    next_cursor: Option<String>,
}

#[derive(Debug, Serialize)]
struct ExecutorSummary {
    id: String,
    name: Option<String>,
    owner: Option<String>,
    visibility: &'static str,
    description: Option<String>,
    keywords: Vec<String>,
    tags: Vec<String>,
    created_at: DateTime<Utc>,
    last_pushed_at: DateTime<Utc>,
}

pub(in crate::http) async fn handle(
    State(app): State<App>,
    headers: HeaderMap,
    query: Result<Query<ListRequest>, axum::extract::rejection::QueryRejection>,
) -> Result<Json<ListResponse>, Problem> {
    let Query(request) = query.map_err(|rejection| {
        Error::invalid("query", format!("The query cannot be read: {rejection}."), "Check its parameters.")
    })?;
    if let Some(sort) = request.sort.as_deref().filter(|sort| *sort != "recent") {
        let cause = format!("'{}' is no order of this list.", sort.chars().take(32).collect::<String>());
        return Err(Error::invalid("sort", cause, "Use sort=recent.").into());
    }
    let caller = app.auth().caller(&caller::credentials(&headers)).await?;
    let size = PageSize::nearest(request.limit);
    let page = app.hub().recent(&caller, request.cursor.as_deref(), size).await?;
    Ok(Json(ListResponse {
        executors: page.items.into_iter().map(ExecutorSummary::from).collect(),
        next_cursor: page.next,
    }))
}

impl From<Listed> for ExecutorSummary {
    fn from(listed: Listed) -> Self {
        Self {
            id: listed.id.to_string(),
            name: listed.name.map(|name| name.to_string()),
            owner: listed.owner.map(|owner| owner.login.to_string()),
            visibility: listed.visibility.as_str(),
            description: listed.description,
            keywords: listed.keywords,
            tags: listed.tags,
            created_at: listed.created_at,
            last_pushed_at: listed.last_pushed_at,
        }
    }
}
