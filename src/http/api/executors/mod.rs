//! `/api/v1/executors`: a file for each thing that can be asked of Executors.

mod change;
mod commits;
mod list;
mod publish;
mod show;
mod tags;
pub(in crate::http::api) mod wire;

use utoipa_axum::{router::OpenApiRouter, routes};

use crate::app::App;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list::handle, publish::create))
        .routes(routes!(show::handle, change::handle))
        .routes(routes!(show::handle_owned))
        .routes(routes!(commits::list, publish::add))
        .routes(routes!(commits::show))
        .routes(routes!(tags::list))
}
