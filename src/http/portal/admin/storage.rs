//! `/admin/storage`: where is the space, by owner and by Executor, and how much of it does nobody need?

use askama::Template;
use axum::{
    extract::{Query, State, rejection::QueryRejection},
    http::StatusCode,
    response::Response,
};
use serde::Deserialize;

use super::Admin;
use crate::{
    app::App,
    http::{
        portal::{error::PageError, form::Form, moment, visitor::Frame},
        refused,
    },
    hub::collection::{Amount, Collection},
};

/// Owners and Executors that are listed, the largest first.
const ROWS: usize = 100;

struct OwnerRow {
    login: Option<String>,
    executors: u64,
    packages: String,
    artifacts: String,
}

struct ExecutorRow {
    id: String,
    title: String,
    commits: u64,
    packages: String,
    images: String,
    is_deleted: bool,
}

#[derive(Template)]
#[template(path = "admin_storage.html")]
struct StoragePage {
    frame: Frame,
    owners: Vec<OwnerRow>,
    executors: Vec<ExecutorRow>,
    /// What nobody needs: its kind, how much it is, and what becomes of it. `None` until somebody asks.
    unneeded: Option<Vec<(&'static str, String)>>,
    is_done: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::http::portal) struct Asked {
    /// Looking through all objects takes a while, and is done when somebody wants it.
    unneeded: String,
}

pub(in crate::http::portal) async fn show(
    State(app): State<App>,
    admin: Admin,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Response, PageError> {
    let Query(asked) = asked.map_err(refused::query)?;
    let preview = match asked.unneeded.as_str() {
        "" => None,
        _ => Some(app.hub().collect_for(&admin.0.caller, true).await?),
    };
    page(&app, admin, preview, false).await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http::portal) struct Confirmed {
    form_token: String,
}

pub(in crate::http::portal) async fn collect(
    State(app): State<App>,
    admin: Admin,
    Form(sent): Form<Confirmed>,
) -> Result<Response, PageError> {
    admin.0.check_form(&sent.form_token)?;
    let collected = app.hub().collect_for(&admin.0.caller, false).await?;
    page(&app, admin, Some(collected), true).await
}

async fn page(
    app: &App,
    Admin(visitor): Admin,
    found: Option<Collection>,
    is_done: bool,
) -> Result<Response, PageError> {
    let usage = app.hub().usage_of_all(&visitor.caller).await?;
    let owners = usage.by_owner.into_iter().take(ROWS).map(|row| OwnerRow {
        login: row.login,
        executors: row.executors,
        packages: moment::size(row.package_bytes),
        artifacts: moment::size(row.artifact_bytes),
    });
    let executors = usage.by_executor.into_iter().take(ROWS).map(|row| ExecutorRow {
        title: match (&row.owner, &row.name) {
            (Some(owner), Some(name)) => format!("{}/{name}", owner.login),
            (None, Some(name)) => name.to_string(),
            (_, None) => row.id.to_string(),
        },
        id: row.id.to_string(),
        commits: row.commits,
        packages: moment::size(row.package_bytes),
        images: moment::size(row.image_bytes),
        is_deleted: row.deleted_at.is_some(),
    });
    let page = StoragePage {
        frame: visitor.frame(),
        owners: owners.collect(),
        executors: executors.collect(),
        unneeded: found.map(|found| unneeded(&found)),
        is_done,
    };
    visitor.page(StatusCode::OK, &page)
}

fn unneeded(found: &Collection) -> Vec<(&'static str, String)> {
    let told = |amount: Amount| {
        let plural = if amount.objects == 1 { "" } else { "s" };
        format!("{} object{plural}, {}", amount.objects, moment::size(amount.bytes))
    };
    vec![
        ("Packages that no commit has", told(found.packages)),
        ("Artifacts’ bytes that no artifact has", told(found.artifacts)),
        ("Parts of images that no repository has", told(found.images)),
        ("What unfinished uploads left", told(found.uploads)),
        ("Objects without a record", told(found.orphans)),
        ("What stays until its time of grace is over", told(found.waiting)),
    ]
}
