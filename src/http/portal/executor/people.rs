//! `/settings/{id}/people`: whom has the owner let in, how far, and how is that changed?

use axum::{
    extract::{Path, State, rejection::PathRejection},
    response::Response,
};
use serde::Deserialize;

use crate::{
    app::App,
    domain::{AccessLevel, ExecutorRef, access::Grantee},
    error::Error,
    http::{
        portal::{error::PageError, form::Form, moment::Moment, visitor::Visitor},
        refused,
    },
    hub::subject::Subject,
};

/// Those who were let in.
pub(super) struct People {
    pub(super) rows: Vec<Row>,
}

pub(super) struct Row {
    pub(super) name: String,
    pub(super) is_team: bool,
    pub(super) level: &'static str,
    pub(super) since: Moment,
    pub(super) by: Option<String>,
}

pub(super) async fn of(app: &App, visitor: &Visitor, reference: &ExecutorRef) -> Result<People, Error> {
    let grants = app.hub().access_list(&visitor.caller, &Subject::from(reference.clone())).await?;
    let now = app.now();
    let rows = grants.into_iter().map(|grant| {
        let (name, is_team) = match grant.to {
            Grantee::Person(login) => (login.to_string(), false),
            Grantee::Team(name) => (name.to_string(), true),
        };
        Row {
            name,
            is_team,
            level: grant.level.as_str(),
            since: Moment::of(grant.granted_at, now),
            by: grant.granted_by.map(|login| login.to_string()),
        }
    });
    Ok(People { rows: rows.collect() })
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Person,
    Team,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http::portal) struct LetIn {
    form_token: String,
    kind: Kind,
    name: String,
    level: AccessLevel,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http::portal) struct ShutOut {
    form_token: String,
    kind: Kind,
    name: String,
}

pub(in crate::http::portal) async fn let_in(
    State(app): State<App>,
    visitor: Visitor,
    id: Result<Path<String>, PathRejection>,
    Form(sent): Form<LetIn>,
) -> Result<Response, PageError> {
    let Path(id) = id.map_err(refused::path)?;
    visitor.check_form(&sent.form_token)?;
    visitor.caller.require_user()?;
    let (subject, to) = (subject(&id)?, grantee(sent.kind, &sent.name)?);
    app.hub().grant_access(&visitor.caller, &subject, &to, sent.level).await?;
    visitor.redirect(&format!("/executors/{id}?tab=settings#people"))
}

pub(in crate::http::portal) async fn shut_out(
    State(app): State<App>,
    visitor: Visitor,
    id: Result<Path<String>, PathRejection>,
    Form(sent): Form<ShutOut>,
) -> Result<Response, PageError> {
    let Path(id) = id.map_err(refused::path)?;
    visitor.check_form(&sent.form_token)?;
    visitor.caller.require_user()?;
    let (subject, to) = (subject(&id)?, grantee(sent.kind, &sent.name)?);
    app.hub().revoke_access(&visitor.caller, &subject, &to).await?;
    visitor.redirect(&format!("/executors/{id}?tab=settings#people"))
}

fn subject(id: &str) -> Result<Subject, Error> {
    let reference: ExecutorRef = id.parse().map_err(|_| super::missing())?;
    Ok(Subject::from(reference))
}

fn grantee(kind: Kind, name: &str) -> Result<Grantee, Error> {
    let refuse = |what: &str, reason: String| {
        Error::invalid(
            "grantee",
            format!("'{}' is no {what}: {reason}.", name.trim()),
            "Go back and check it.",
        )
    };
    match kind {
        Kind::Person => match name.trim().parse() {
            Ok(login) => Ok(Grantee::Person(login)),
            Err(reason) => Err(refuse("login", format!("{reason}"))),
        },
        Kind::Team => match name.trim().parse() {
            Ok(name) => Ok(Grantee::Team(name)),
            Err(reason) => Err(refuse("team's name", format!("{reason}"))),
        },
    }
}
