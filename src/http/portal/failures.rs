//! `/failures`: what of mine, or of what I was let into, failed to build lately, and why?

use askama::Template;
use axum::{extract::State, http::StatusCode, response::Response};

use super::{
    error::PageError,
    moment::Moment,
    visitor::{Frame, Visitor},
};
use crate::app::App;

struct Row {
    task: String,
    title: String,
    message: String,
    at: Moment,
}

#[derive(Template)]
#[template(path = "failures.html")]
struct FailuresPage {
    frame: Frame,
    rows: Vec<Row>,
}

pub(super) async fn show(State(app): State<App>, visitor: Visitor) -> Result<Response, PageError> {
    let now = app.now();
    let rows = app.hub().failures_of(&visitor.caller).await?;
    let rows = rows.into_iter().map(|row| Row {
        task: row.task.to_string(),
        title: row.title,
        message: row.failure.map(|failure| failure.message).unwrap_or_default(),
        at: Moment::of(row.finished_at, now),
    });
    visitor.page(StatusCode::OK, &FailuresPage { frame: visitor.frame(), rows: rows.collect() })
}
