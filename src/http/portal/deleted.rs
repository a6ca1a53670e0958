//! `/account/deleted`: which Executors did I delete that can still be brought back, and until when?

use askama::Template;
use axum::{extract::State, http::StatusCode, response::Response};

use super::{
    error::PageError,
    moment::Moment,
    visitor::{Frame, Visitor},
};
use crate::app::App;

struct Row {
    id: String,
    title: String,
    deleted: Moment,
    ends: Moment,
}

#[derive(Template)]
#[template(path = "deleted.html")]
struct DeletedPage {
    frame: Frame,
    rows: Vec<Row>,
}

pub(super) async fn show(State(app): State<App>, visitor: Visitor) -> Result<Response, PageError> {
    visitor.caller.require_user()?;
    let now = app.now();
    let rows = app.hub().deleted_executors(&visitor.caller).await?;
    let rows = rows.into_iter().map(|row| Row {
        id: row.executor.id.to_string(),
        title: row.executor.title(),
        deleted: Moment::of(row.deleted_at, now),
        ends: Moment::of(row.purge_at, now),
    });
    visitor.page(StatusCode::OK, &DeletedPage { frame: visitor.frame(), rows: rows.collect() })
}
