//! `GET /api/v1/audit`: who did what, the oldest first, by cursor; for admins of the Hub.

use axum::{Json, extract::State};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::asked::{Parameters, SignedIn};
use crate::{
    app::App,
    domain::{audit::AuditEntry, page::PageSize},
    http::{
        problem::Problem,
        routes::{Needs, Routes},
    },
    hub::audit::{self, Wanted},
};

pub(super) fn routes() -> Routes {
    Routes::new().get("/api/v1/audit", Needs::Administration, list)
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct AuditRequest {
    since: Option<DateTime<Utc>>,
    until: Option<DateTime<Utc>>,
    /// A login.
    actor: Option<String>,
    /// The id of an Executor.
    executor: Option<String>,
    cursor: Option<String>,
    limit: Option<i64>,
}

#[derive(Debug, Serialize)]
struct AuditResponse {
    entries: Vec<AuditEntry>,
    next_cursor: Option<String>,
}

async fn list(
    State(app): State<App>,
    SignedIn(caller): SignedIn,
    Parameters(request): Parameters<AuditRequest>,
) -> Result<Json<AuditResponse>, Problem> {
    let AuditRequest { since, until, actor, executor, cursor, limit } = request;
    let subject = executor.map(|id| ("executor".to_owned(), id));
    let wanted = Wanted { since, until, actor, subject };
    let asker = audit::Asker::Caller(&caller);
    let page = app.hub().audit_page(asker, &wanted, cursor.as_deref(), PageSize::nearest(limit)).await?;
    Ok(Json(AuditResponse { entries: page.items, next_cursor: page.next }))
}
