//! Our own REST: what scripts and the portal use.

mod executors;

use super::{
    problem::Problem,
    refused,
    routes::{Needs, Routes},
};

pub(super) fn routes() -> Routes {
    Routes::new()
        .get("/api/v1/executors", Needs::Listing, executors::list::handle)
        .refuse_other_methods(async || Problem::from(refused::other_method()))
}
