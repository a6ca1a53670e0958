//! `user.identity.authorize`: SDK 0.4 asks where the browser shall sign in, and listens on this computer for the code that
//! the browser then brings.

use axum::{Json, extract::State, http::HeaderMap};
use serde_json::{Value, json};

use crate::{
    app::App,
    domain::Secret,
    http::{
        address::ClientAddress,
        v2::{error::RpcError, parameters::Parameters, wire},
    },
};

pub(in crate::http::v2) async fn handle(
    State(app): State<App>,
    ClientAddress(address): ClientAddress,
    headers: HeaderMap,
    parameters: Parameters,
) -> Result<Json<Value>, RpcError> {
    let return_to = parameters.required("redirectUri")?;
    let program = super::program(&headers);
    let link = app.auth().start_returning_sign_in(program, address, &return_to).await?;
    Ok(Json(wire::success(json!({"redirectTo": page(&app, &link)}))))
}

/// The page on which a person lets the program behind a link in.
pub(super) fn page(app: &App, link: &Secret) -> String {
    format!("{}/sign-in?device={}", app.settings().server.external_url, link.expose())
}
