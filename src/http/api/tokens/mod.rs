//! `/api/v1/tokens`: personal access tokens of whoever asks.

mod create;
mod delete;
mod list;
pub(in crate::http::api) mod wire;

use utoipa_axum::{router::OpenApiRouter, routes};

use crate::app::App;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list::handle, create::handle)).routes(routes!(delete::handle))
}
