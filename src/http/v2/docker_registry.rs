//! `dockerRegistry.listInternalRegistries`: for which hosts `jina auth login` installs the Docker credential helper. It
//! tells nothing that a client does not know already, so it asks for no sign-in; and it is always a list, since a null
//! crashes the login (PROTOCOL.md F).

use axum::{Json, extract::State};
use serde_json::{Value, json};

use super::wire;
use crate::app::App;

pub(super) async fn list_internal_registries(State(app): State<App>) -> Json<Value> {
    let settings = &app.settings().server;
    let hosts = if settings.image_registries.is_empty() {
        vec![host(&settings.external_url).to_owned()]
    } else {
        settings.image_registries.clone()
    };
    Json(wire::success(json!(hosts)))
}

/// Host and port of an address, as Docker writes them in its configuration.
fn host(address: &str) -> &str {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    rest.split('/').next().unwrap_or(rest)
}

#[cfg(test)]
mod tests {
    use super::host;

    #[test]
    fn docker_knows_registries_by_host_and_port() {
        assert_eq!(host("http://127.0.0.1:8080"), "127.0.0.1:8080");
        assert_eq!(host("https://hub.example.com/base"), "hub.example.com");
    }
}
