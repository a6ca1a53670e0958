//! What do both old surfaces say of a pull alike? How an Executor is asked for, and what its clients need even where we have
//! nothing to say.

use crate::{
    domain::{ExecutorRef, Tag, commit::Commit},
    error::{Error, ErrorKind},
    hub::pull::Pulled,
};

/// The Executor and the tag that a client asks for. No Executor can have a name or tag that cannot be read, so that is the
/// same error as one that nobody pushed.
pub(super) fn reference(id: &str, tag: Option<&str>) -> Result<(ExecutorRef, Option<Tag>), Error> {
    if let (Ok(reference), Ok(tag)) = (id.parse(), tag.map(str::parse).transpose()) {
        return Ok((reference, tag));
    }
    let shown: String = id.chars().filter(|c| !c.is_control()).take(128).collect();
    Err(Error::new(
        ErrorKind::NotFound,
        "executor_not_found",
        format!("No such executor: {shown}."),
        "Check the name and the tag; a private Executor needs its owner's sign-in or its secret.",
    ))
}

/// A number that grows with each push: jina 2.x and 3.0–3.1 take it for the version of their copy.
pub(super) fn serial_number(commit: &Commit) -> i64 {
    commit.created_at.timestamp_millis()
}

/// The name of its image, or the one that it will have. Some clients need a name even to pull the source.
pub(super) fn image(pulled: &Pulled) -> String {
    pulled.images.first().unwrap_or(&pulled.image).clone()
}
