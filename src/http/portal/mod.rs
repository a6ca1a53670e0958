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

use axum::{extract::DefaultBodyLimit, middleware::from_fn_with_state};

use self::error::PageError;
use super::{
    refused,
    routes::{Needs, Routes},
};
use crate::app::App;

/// Bytes of a submitted form.
const FORM_BYTES: usize = 64 << 10;

pub(super) fn routes(app: &App) -> Routes {
    use Needs::{Nothing, Person, Proof};
    Routes::new()
        .get("/assets/{file}", Nothing, assets::serve)
        .get("/sign-in", Nothing, sign_in::show)
        .post("/sign-in", Proof, sign_in::submit)
        .post("/sign-in/device", Person, device::decide)
        .post("/sign-out", Nothing, sign_in::sign_out)
        .get("/sign-up", Nothing, sign_up::show)
        .post("/sign-up", Proof, sign_up::submit)
        .get("/setup", Nothing, setup::show)
        .post("/setup", Proof, setup::submit)
        .get("/invitations/{word}", Proof, invitation::show)
        .post("/invitations/{word}", Proof, invitation::submit)
        .refuse_other_methods(async || PageError::from(refused::other_method()))
        .layered(|router| {
            router
                .layer(from_fn_with_state(app.clone(), error::render))
                .layer(DefaultBodyLimit::max(FORM_BYTES))
        })
}
