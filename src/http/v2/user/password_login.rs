//! `user.identity.passwordLogin`: a login and a password for a session token, for scripts without a browser.

use axum::{Json, extract::State};
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
    parameters: Parameters,
) -> Result<Json<Value>, RpcError> {
    let login = parameters.required("name")?;
    let password = Secret::new(parameters.required("password")?);
    let user = app.auth().check_password(&login, &password, address).await?;
    let token = app.auth().open_session(user.id, "password login").await?;
    Ok(Json(wire::success(json!({"token": token.expose(), "user": super::user_object(&user)}))))
}
