//! `/api/v1/executors`: a file for each thing that can be asked of Executors.

mod change;
mod commits;
mod deleted;
mod deletion;
mod list;
mod moves;
mod publish;
mod rules;
mod show;
mod tags;
pub(in crate::http::api) mod wire;

use utoipa_axum::{router::OpenApiRouter, routes};

use crate::app::App;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list::handle, publish::create))
        .routes(routes!(show::handle, change::handle, deletion::executor))
        .routes(routes!(show::handle_owned))
        .routes(routes!(commits::list, publish::add))
        .routes(routes!(commits::show, deletion::commit))
        .routes(routes!(deletion::undelete_executor))
        .routes(routes!(deletion::undelete_commit))
        .routes(routes!(deleted::list))
        .routes(routes!(deleted::parts))
        .routes(routes!(tags::list))
        .routes(routes!(moves::history))
        .routes(routes!(moves::put, moves::delete))
        .routes(routes!(moves::history_of))
        .routes(routes!(moves::undelete))
        .routes(routes!(moves::protect))
        .routes(routes!(rules::show, rules::put))
}
