//! The REST of jina 2.0 to 2.6, as those clients call it (PROTOCOL.md A): one path to push, one to ask about an Executor.

mod error;
mod pull;
mod push;
mod wire;

use axum::response::{IntoResponse as _, Response};

use super::{
    refused,
    routes::{Needs, Routes, Verb},
};
use crate::{auth::policy::Action, error::Error};

pub(super) fn routes() -> Routes {
    let read = Needs::Executor(Action::Read);
    Routes::new()
        // Either method may carry `force`, which makes it an update.
        .post("/v1/executors", Needs::NewExecutor, push::create)
        .on(&[Verb::Put], "/v1/executors", Needs::Executor(Action::Push), push::update)
        // The clients put a slash before their `?`, also when nothing follows.
        .get("/v1/executors/{name}/", read, pull::handle)
        .get("/v1/executors/{name}", read, pull::handle)
        .refuse_other_methods(async || refuse(refused::other_method()))
}

/// An error in this surface's words.
pub(super) fn refuse(error: Error) -> Response {
    error::TextError::from(error).into_response()
}
