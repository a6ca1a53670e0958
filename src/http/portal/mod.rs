//! The pages of the Hub, made on the server and readable without JavaScript. A page file loads through use cases and fills
//! one template of `templates/`.

mod admin;
mod agent;
mod assets;
mod build;
mod catalog;
mod cookies;
mod deleted;
mod device;
mod difference;
mod error;
mod executor;
mod failures;
mod form;
mod help;
mod highlight;
mod invitation;
mod markdown;
mod moment;
mod sessions;
mod setup;
mod sign_in;
mod sign_up;
mod teams;
mod terminal;
mod tokens;
mod usage;
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
    use Needs::{Administration, Nothing, Page, Person, Proof};
    Routes::new()
        .get("/assets/{file}", Nothing, assets::serve)
        .get("/", Page, catalog::show)
        .get("/executors/{id}", Page, executor::by_id)
        .get("/executors/{owner}/{name}", Page, executor::by_name)
        .get("/files/{id}", Page, executor::files::raw)
        .post("/settings/{id}/visibility", Page, executor::settings::set_visibility)
        .post("/settings/{id}/people", Page, executor::people::let_in)
        .post("/settings/{id}/people/remove", Page, executor::people::shut_out)
        .post("/settings/{id}/secret", Page, executor::settings::rotate_secret)
        .post("/settings/{id}/delete", Page, executor::settings::delete)
        .post("/settings/{id}/undelete", Page, executor::settings::undelete)
        .get("/account/deleted", Page, deleted::show)
        .get("/failures", Person, failures::show)
        .get("/builds/{task}", Page, build::show)
        .get("/builds/{task}/log", Page, build::download)
        .post("/builds/{task}/cancel", Page, build::cancel)
        .post("/builds/{task}/retry", Page, build::retry)
        .get("/account/tokens", Page, tokens::show)
        .post("/account/tokens", Page, tokens::create)
        .post("/account/tokens/{id}/delete", Page, tokens::delete)
        .get("/account/sessions", Page, sessions::show)
        .post("/account/sessions/end-others", Page, sessions::end_others)
        .post("/account/sessions/{id}/end", Page, sessions::end)
        .get("/account/teams", Page, teams::list)
        .post("/account/teams", Page, teams::create)
        .get("/account/teams/{team}", Page, teams::show)
        .post("/account/teams/{team}/members", Page, teams::add)
        .post("/account/teams/{team}/remove", Page, teams::remove)
        .post("/account/teams/{team}/rename", Page, teams::rename)
        .post("/account/teams/{team}/delete", Page, teams::delete)
        .get("/admin", Administration, admin::show)
        .get("/admin/people", Administration, admin::people::show)
        .post("/admin/people", Administration, admin::people::add)
        .post("/admin/people/{login}/invite", Administration, admin::people::invite)
        .post("/admin/people/{login}/disable", Administration, admin::people::disable)
        .post("/admin/people/{login}/enable", Administration, admin::people::enable)
        .get("/admin/builds", Administration, admin::builds::show)
        .post("/admin/builds/pause", Administration, admin::builds::pause)
        .post("/admin/builds/resume", Administration, admin::builds::resume)
        .get("/admin/storage", Administration, admin::storage::show)
        .post("/admin/storage/collect", Administration, admin::storage::collect)
        .get("/admin/audit", Administration, admin::audit::show)
        .get("/admin/configuration", Administration, admin::configuration::show)
        .get("/help/push", Nothing, help::push)
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
