//! `/help/push`: how does a person push their first Executor, with the client that they have?

use askama::Template;
use axum::{extract::State, http::HeaderMap, response::Response};

use super::{
    error::PageError,
    visitor::{Frame, Needs, Visitor},
};
use crate::app::App;

/// What the commands are filled in with.
#[derive(Debug)]
pub(super) struct Commands {
    /// Where clients find this Hub.
    pub(super) url: String,
    /// Whose Executors they would be.
    pub(super) login: String,
}

/// The commands for this visitor.
pub(super) fn commands(app: &App, visitor: &Visitor) -> Commands {
    Commands {
        url: app.settings().server.external_url.clone(),
        login: visitor.user().map_or_else(|| "YOU".to_owned(), |user| user.login.to_string()),
    }
}

#[derive(Template)]
#[template(path = "help_push.html")]
struct PushPage {
    frame: Frame,
    commands: Commands,
}

pub(super) async fn push(
    State(app): State<App>,
    visitor: Visitor,
    headers: HeaderMap,
) -> Result<Response, PageError> {
    let page = PushPage { frame: visitor.frame(), commands: commands(&app, &visitor) };
    visitor.reading(Needs { script: true, ..Needs::default() }, &headers, &page)
}
