//! `/admin/configuration`: which settings count, and where is each from? Secrets were hidden before they came here.

use askama::Template;
use axum::{extract::State, http::StatusCode, response::Response};

use super::Admin;
use crate::{
    app::App,
    config::Source,
    http::portal::{error::PageError, visitor::Frame},
};

struct Setting {
    key: String,
    value: String,
    source: String,
    /// Whether somebody chose it.
    is_chosen: bool,
}

#[derive(Template)]
#[template(path = "admin_configuration.html")]
struct ConfigurationPage {
    frame: Frame,
    sections: Vec<(String, Vec<Setting>)>,
}

pub(in crate::http::portal) async fn show(
    State(app): State<App>,
    Admin(visitor): Admin,
) -> Result<Response, PageError> {
    let mut sections: Vec<(String, Vec<Setting>)> = Vec::new();
    for setting in app.settings().effective() {
        let (section, key) = setting.key.split_once('.').unwrap_or(("", &setting.key));
        let shown = Setting {
            key: key.to_owned(),
            value: setting.value.to_string(),
            source: setting.source.to_string(),
            is_chosen: !matches!(setting.source, Source::Default | Source::Derived(_)),
        };
        match sections.last_mut().filter(|(name, _)| name == section) {
            Some((_, settings)) => settings.push(shown),
            None => sections.push((section.to_owned(), vec![shown])),
        }
    }
    visitor.page(StatusCode::OK, &ConfigurationPage { frame: visitor.frame(), sections })
}
