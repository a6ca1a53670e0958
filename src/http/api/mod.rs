//! Our own API: what scripts, the portal and other Hubs use. A router function for each noun; the OpenAPI document is made of
//! the same lines that route.

mod answer;
mod ask;
mod audit;
mod docs;
mod executors;
mod grants;
mod me;
mod openapi;
mod people;
mod rate;
mod tasks;
mod teams;
mod tokens;
mod usage;

use axum::middleware::from_fn_with_state;
use utoipa_axum::router::OpenApiRouter;

use super::{
    problem::Problem,
    refused,
    routes::{Needs, Routes},
};
use crate::{
    app::App,
    auth::policy::{
        Action::{ChangeTags, Delete, Manage, Push, Read, ReadTasks, SteerBuilds},
        TeamAction,
    },
};

pub use openapi::document;

/// Every route of the API with what the document says of it.
fn documented() -> OpenApiRouter<App> {
    openapi::head()
        .merge(executors::routes())
        .merge(tasks::routes())
        .merge(tokens::routes())
        .merge(people::routes())
        .merge(me::routes())
        .merge(teams::routes())
        .merge(grants::routes())
        .merge(audit::routes())
        .merge(usage::routes())
}

/// What each operation of the document lets a caller do.
fn needs(operation: &str) -> Option<Needs> {
    Some(match operation {
        "listExecutors" => Needs::Listing,
        "publishExecutor" => Needs::NewExecutor,
        "showExecutor" | "showOwnedExecutor" | "listCommits" | "showCommit" | "listTags"
        | "listTagHistory" | "listHistoryOfTag" | "showTagRules" => Needs::Executor(Read),
        "moveTag" | "deleteTag" | "undeleteTag" | "protectTag" | "setTagRules" | "listDeletedParts" => {
            Needs::Executor(ChangeTags)
        }
        "deleteExecutor" | "undeleteExecutor" | "deleteCommit" | "undeleteCommit" => Needs::Executor(Delete),
        "publishCommit" => Needs::Executor(Push),
        "cancelTask" | "retryTask" => Needs::Executor(SteerBuilds),
        "changeExecutor" | "listGrants" | "grantToPerson" | "revokeFromPerson" | "grantToTeam"
        | "revokeFromTeam" | "rotateSecret" => Needs::Executor(Manage),
        "listTasks" | "showTask" | "readTaskEvents" => Needs::Executor(ReadTasks),
        "listTokens" | "createToken" | "deleteToken" | "showMe" | "showUsage" | "listTeams"
        | "listDeleted" => Needs::Person,
        "createTeam" => Needs::NewTeam,
        "showTeam" => Needs::Team(TeamAction::Read),
        "renameTeam" | "deleteTeam" | "putTeamMember" | "removeTeamMember" => Needs::Team(TeamAction::Manage),
        "listPeople" | "createPerson" | "invitePerson" | "listAudit" | "showHubUsage" => {
            Needs::Administration
        }
        _ => return None,
    })
}

pub(super) fn routes(app: &App) -> Routes {
    let (routes, document) = documented().split_for_parts();
    Routes::documented(routes, &document, needs)
        .get("/api/v1/openapi.json", Needs::Nothing, docs::json)
        .get("/api/v1/docs", Needs::Nothing, docs::page)
        .refuse_other_methods(async || Problem::from(refused::other_method()))
        .layered(|router| router.route_layer(from_fn_with_state(app.clone(), rate::limit)))
}
