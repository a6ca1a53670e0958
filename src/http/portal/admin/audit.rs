//! `/admin/audit`: who did what, the newest first, narrowed to a person, a deed, an Executor or some days.

use askama::Template;
use axum::{
    extract::{Query, State, rejection::QueryRejection},
    http::StatusCode,
    response::Response,
};
use chrono::{DateTime, Days, NaiveDate, NaiveTime, Utc};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde_json::Value;

use super::Admin;
use crate::{
    app::App,
    domain::{audit::AuditEntry, page::PageSize},
    error::Error,
    http::{
        portal::{error::PageError, moment::Moment, visitor::Frame},
        refused,
    },
    hub::audit::Wanted,
};

/// What the address says.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(in crate::http::portal) struct Asked {
    actor: String,
    action: String,
    executor: String,
    since: String,
    until: String,
    cursor: String,
}

struct Line {
    at: Moment,
    action: String,
    actor: Option<String>,
    right: String,
    subject_kind: String,
    subject: String,
    address: String,
    details: String,
}

#[derive(Template)]
#[template(path = "admin_audit.html")]
struct AuditPage {
    frame: Frame,
    asked: Asked,
    lines: Vec<Line>,
    older: Option<String>,
}

pub(in crate::http::portal) async fn show(
    State(app): State<App>,
    Admin(visitor): Admin,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Response, PageError> {
    let Query(asked) = asked.map_err(refused::query)?;
    let word = |text: &str| Some(text.trim().replace('\0', "")).filter(|text| !text.is_empty());
    let wanted = Wanted {
        since: day(&asked.since, 0)?,
        until: day(&asked.until, 1)?,
        actor: word(&asked.actor),
        subject: word(&asked.executor).map(|id| ("executor".to_owned(), id)),
    };
    let (action, cursor) = (word(&asked.action), word(&asked.cursor));
    let size = PageSize::nearest(Some(100));
    let found =
        app.hub().audit_latest(&visitor.caller, &wanted, action.as_deref(), cursor.as_deref(), size).await?;
    let now = app.now();
    let page = AuditPage {
        frame: visitor.frame(),
        lines: found.items.into_iter().map(|entry| line(entry, now)).collect(),
        older: found.next.map(|cursor| address(&Asked { cursor, ..asked.clone() })),
        asked,
    };
    visitor.page(StatusCode::OK, &page)
}

/// The beginning of a day, or of one that comes so many days later.
fn day(text: &str, later: u64) -> Result<Option<DateTime<Utc>>, Error> {
    if text.trim().is_empty() {
        return Ok(None);
    }
    let day: Option<NaiveDate> = text.trim().parse().ok();
    let day = day.and_then(|day| day.checked_add_days(Days::new(later)));
    let day = day.filter(|day| (1970..=9999).contains(&chrono::Datelike::year(day)));
    let day = day.ok_or_else(|| {
        Error::invalid("day", "This is no day.", "Write it as year-month-day, such as 2026-11-23.")
    })?;
    Ok(Some(day.and_time(NaiveTime::MIN).and_utc()))
}

fn address(asked: &Asked) -> String {
    let pairs = [
        ("actor", &asked.actor),
        ("action", &asked.action),
        ("executor", &asked.executor),
        ("since", &asked.since),
        ("until", &asked.until),
        ("cursor", &asked.cursor),
    ];
    let pairs: Vec<String> = pairs
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| format!("{name}={}", utf8_percent_encode(value, NON_ALPHANUMERIC)))
        .collect();
    format!("/admin/audit?{}", pairs.join("&"))
}

fn line(entry: AuditEntry, now: DateTime<Utc>) -> Line {
    Line {
        at: Moment::of(entry.at, now),
        action: entry.action,
        actor: entry.actor,
        right: entry.by_right_of,
        subject_kind: entry.subject_kind,
        subject: entry.subject,
        address: entry.address.unwrap_or_default(),
        details: details(&entry.details),
    }
}

/// What else was written down, in a line.
fn details(details: &Value) -> String {
    let told = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let pairs = details.as_object().into_iter().flatten();
    pairs.map(|(name, value)| format!("{name}: {}", told(value))).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_whole_and_nonsense_is_none() {
        let text = |day: Option<DateTime<Utc>>| day.map(|day| day.to_rfc3339());
        assert_eq!(text(day("2026-11-23", 0).unwrap()).as_deref(), Some("2026-11-23T00:00:00+00:00"));
        assert_eq!(text(day("2026-12-31", 1).unwrap()).as_deref(), Some("2027-01-01T00:00:00+00:00"));
        assert_eq!(day(" ", 0).unwrap(), None);
        for nonsense in ["yesterday", "2026-13-01", "0000-01-01", "+262142-12-31", "-5-01-01"] {
            assert!(day(nonsense, 1).is_err(), "{nonsense}");
        }
    }
}
