//! `GET /api/v1/audit`: who did what, the oldest first, by cursor or all at once; for admins of the Hub.

use axum::{body::Bytes, extract::State, http::HeaderMap, response::Response};
use chrono::{DateTime, Utc};
use futures_util::StreamExt as _;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    answer,
    ask::{self, Parameters, SignedIn},
    openapi::ReadProblems,
};
use crate::{
    app::App,
    domain::audit::AuditEntry,
    error::Error,
    http::{ndjson, problem::Problem},
    hub::audit::{self, Wanted},
};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list))
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::http::api) struct AuditRequest {
    /// Only what was done then or later.
    since: Option<DateTime<Utc>>,
    /// Only what was done before.
    until: Option<DateTime<Utc>>,
    /// Login of who did it.
    actor: Option<String>,
    /// Id of the Executor that it was done to.
    executor: Option<String>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// Items of a page; 20 when nothing is said.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<i64>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http::api) struct AuditPage {
    #[schema(value_type = Vec<Entry>)]
    entries: Vec<AuditEntry>,
    /// Absent on the last page.
    next_cursor: Option<String>,
}

/// What somebody did.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AuditEntry)]
pub(in crate::http::api) struct Entry {
    /// Numbers grow, and some are left out.
    number: i64,
    at: DateTime<Utc>,
    /// A stable word, such as `executor.push`.
    action: String,
    /// Id of who did it; absent for those who did not sign in.
    actor_id: Option<String>,
    /// Their login then.
    actor: Option<String>,
    /// What let them: `own`, `grant`, `secret`, `hub-admin`, `operator` or `everybody`.
    by_right_of: String,
    /// From which address; absent at the command line.
    address: Option<String>,
    /// In which request.
    request_id: Option<String>,
    /// What kind of thing it was done to, such as `executor`.
    subject_kind: String,
    /// Id of that thing.
    subject_id: String,
    /// What it was called then.
    subject: String,
    /// What else is worth knowing.
    details: serde_json::Value,
}

/// List who did what, the oldest first, for admins
///
/// `Accept` decides: a page (`application/json`), or everything from `cursor` on as one JSON object a line
/// (`application/x-ndjson`). An export that ends without its last chunk is not whole.
#[utoipa::path(
    get,
    path = "/api/v1/audit",
    tag = "audit",
    operation_id = "listAudit",
    params(AuditRequest),
    responses(
        (status = 200, description = "A page, or everything", content(
            (AuditPage = "application/json"),
            (String = "application/x-ndjson"),
        )),
        (status = 304, description = "As the caller has it"),
        ReadProblems,
    ),
    security(("token" = []))
)]
pub(in crate::http::api) async fn list(
    State(app): State<App>,
    SignedIn(caller): SignedIn,
    headers: HeaderMap,
    Parameters(request): Parameters<AuditRequest>,
) -> Result<Response, Problem> {
    let AuditRequest { since, until, actor, executor, cursor, limit } = request;
    let subject = executor.map(|id| ("executor".to_owned(), id));
    let wanted = Wanted { since, until, actor, subject };
    let asker = audit::Asker::Caller(&caller);
    let wants = |mime| answer::is_accepted(&headers, mime);
    if wants("application/x-ndjson") && !wants("application/json") {
        if limit.is_some() {
            let remedy = "Leave the limit out, or ask for pages of JSON.";
            return Err(Error::invalid("limit", "An export has no pages.", remedy).into());
        }
        let after = cursor.as_deref().map_or(Ok(0), audit::number)?;
        app.hub().begin_audit_export(asker).await?;
        return Ok(ndjson::breaking(app.hub().audit_rounds(caller, wanted, after).map(lines)));
    }
    let size = ask::page_size(limit)?;
    let page = app.hub().audit_page(asker, &wanted, cursor.as_deref(), size).await?;
    answer::json(&headers, &AuditPage { entries: page.items, next_cursor: page.next })
}

fn lines(round: Result<Vec<AuditEntry>, Error>) -> Result<Bytes, Error> {
    let mut lines = Vec::new();
    for entry in round? {
        serde_json::to_writer(&mut lines, &entry).map_err(Error::internal)?;
        lines.push(b'\n');
    }
    Ok(lines.into())
}
