//! The pages of the Hub, made on the server and readable without JavaScript. A page file loads through use cases and fills
//! one template of `templates/`.

mod assets;
mod cookies;
mod device;
mod error;
mod form;
mod invitation;
mod setup;
mod sign_in;
mod sign_up;
mod visitor;

use axum::{
    Router,
    extract::DefaultBodyLimit,
    middleware::from_fn_with_state,
    routing::{get, post},
};

use crate::app::App;

/// Bytes of a submitted form.
const FORM_BYTES: usize = 64 << 10;

pub(super) fn routes(app: &App) -> Router<App> {
    Router::new()
        .route("/sign-in", get(sign_in::show).post(sign_in::submit))
        .route("/sign-in/device", post(device::decide))
        .route("/sign-out", post(sign_in::sign_out))
        .route("/sign-up", get(sign_up::show).post(sign_up::submit))
        .route("/setup", get(setup::show).post(setup::submit))
        .route("/invitations/{word}", get(invitation::show).post(invitation::submit))
        .layer(from_fn_with_state(app.clone(), error::render))
        .layer(DefaultBodyLimit::max(FORM_BYTES))
        .route("/assets/{file}", get(assets::serve))
}
