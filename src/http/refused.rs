//! What does a request get that no handler answers? The error envelope of the surface that it was meant for, whether there
//! is nothing at its address, its method is not known there, or its path or query cannot be read.

use axum::{
    extract::{
        Request,
        rejection::{PathRejection, QueryRejection},
    },
    response::{IntoResponse as _, Response},
};

use super::{problem::Problem, v1, v2};
use crate::error::{Error, ErrorKind};

/// There is nothing at this address.
pub(super) async fn unknown_route(request: Request) -> Response {
    let path = request.uri().path();
    let error = Error::new(
        ErrorKind::NotFound,
        if path.starts_with("/v2/rpc/") { "method_not_found" } else { "route_not_found" },
        "There is nothing at this address.",
        "Check the address.",
    );
    match path.split('/').nth(1) {
        Some("v1") => v1::refuse(error),
        Some("v2") => v2::refuse(error),
        _ => Problem::from(error).into_response(),
    }
}

/// This address knows no such method.
pub(super) fn other_method() -> Error {
    Error::new(
        ErrorKind::MethodNotAllowed,
        "method_not_allowed",
        "This address does not answer to that method.",
        "The header 'Allow' names those that it answers to.",
    )
}

/// The path cannot be read: nothing can be there.
pub(super) fn path(_: PathRejection) -> Error {
    nowhere()
}

/// There is nothing at this address, whatever the surface.
pub(super) fn nowhere() -> Error {
    Error::new(
        ErrorKind::NotFound,
        "route_not_found",
        "There is nothing at this address.",
        "Check the address.",
    )
}

/// The query cannot be read.
pub(super) fn query(_: QueryRejection) -> Error {
    Error::invalid("query", "The query of this address cannot be read.", "Check its parameters.")
}
