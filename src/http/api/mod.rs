//! Our own REST: what scripts and the portal use.

mod asked;
mod audit;
mod executors;
mod grants;
mod teams;

use super::{
    problem::Problem,
    refused,
    routes::{Needs, Routes},
};

pub(super) fn routes() -> Routes {
    Routes::new()
        .get("/api/v1/executors", Needs::Listing, executors::list::handle)
        .merge(grants::routes())
        .merge(teams::routes())
        .merge(audit::routes())
        .refuse_other_methods(async || Problem::from(refused::other_method()))
}
