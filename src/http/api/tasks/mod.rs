//! `/api/v1/tasks`: builds and their stories.

mod events;
mod list;
mod show;
mod steer;
mod wire;

use utoipa_axum::{router::OpenApiRouter, routes};

use crate::app::App;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list::handle))
        .routes(routes!(show::handle))
        .routes(routes!(events::handle))
        .routes(routes!(steer::cancel))
        .routes(routes!(steer::retry))
}
