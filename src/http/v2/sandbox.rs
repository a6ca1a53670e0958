//! `sandbox.get` and `sandbox.create`: honest answers of a Hub that runs no sandboxes. The clients look at the body's `code`
//! alone, break on `data: null` beside 200, and print the whole body when there is no `data.host` (PROTOCOL.md B).

use super::{error::RpcError, parameters::Parameters};
use crate::error::{Error, ErrorKind};

pub(super) async fn handle(_parameters: Parameters) -> RpcError {
    Error::new(
        ErrorKind::NotFound,
        "no_sandboxes",
        "This Hub runs no sandboxes.",
        "Use the source (jinaai://… or jinahub://…) or the image (jinaai+docker://… or jinahub+docker://…) instead.",
    )
    .into()
}
