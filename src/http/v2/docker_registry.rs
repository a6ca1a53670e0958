//! `dockerRegistry.listInternalRegistries`: for which hosts `jina auth login` installs the Docker credential helper. It
//! tells nothing that a client does not know already, so it asks for no sign-in; and it is always a list, since a null
//! crashes the login (PROTOCOL.md F).

use axum::{Json, extract::State};
use serde_json::{Value, json};

use super::wire;
use crate::app::App;

pub(super) async fn list_internal_registries(State(app): State<App>) -> Json<Value> {
    Json(wire::success(json!(app.settings().server.image_hosts())))
}
