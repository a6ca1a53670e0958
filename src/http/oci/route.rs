//! What does a path below `/v2/` mean? Repositories have slashes in their names, so it is read from its end.

use axum::http::Method;

use crate::{
    auth::policy::Action,
    http::routes::{Needs, Verb},
};

/// A request to a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct OciRoute {
    /// The repository, as it was written.
    pub(super) name: String,
    /// What of it.
    pub(super) what: What,
}

/// What of a repository is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum What {
    /// A manifest, by tag or digest.
    Manifest(String),
    /// A blob, by digest.
    Blob(String),
    /// A place to begin uploads.
    Uploads,
    /// An upload.
    Upload(String),
    /// The list of tags.
    Tags,
    /// What speaks of a manifest.
    Referrers(String),
}

/// Every request that there is, with what it lets a caller do: the same as [`What::action`] says.
pub(super) const TABLE: &[(Verb, &str, Needs)] = &[
    (Verb::Get, "/v2/{repository}/manifests/{reference}", Needs::Executor(Action::Read)),
    (Verb::Put, "/v2/{repository}/manifests/{reference}", Needs::Executor(Action::Push)),
    (Verb::Delete, "/v2/{repository}/manifests/{reference}", Needs::Executor(Action::ChangeTags)),
    (Verb::Get, "/v2/{repository}/blobs/{digest}", Needs::Executor(Action::Read)),
    (Verb::Delete, "/v2/{repository}/blobs/{digest}", Needs::Executor(Action::ChangeTags)),
    (Verb::Post, "/v2/{repository}/blobs/uploads/", Needs::Executor(Action::Push)),
    (Verb::Get, "/v2/{repository}/blobs/uploads/{upload}", Needs::Executor(Action::Push)),
    (Verb::Patch, "/v2/{repository}/blobs/uploads/{upload}", Needs::Executor(Action::Push)),
    (Verb::Put, "/v2/{repository}/blobs/uploads/{upload}", Needs::Executor(Action::Push)),
    (Verb::Delete, "/v2/{repository}/blobs/uploads/{upload}", Needs::Executor(Action::Push)),
    (Verb::Get, "/v2/{repository}/tags/list", Needs::Executor(Action::Read)),
    (Verb::Get, "/v2/{repository}/referrers/{digest}", Needs::Executor(Action::Read)),
];

impl OciRoute {
    /// Reads what stands behind `/v2/`; `None` for what is of no repository.
    pub(super) fn read(rest: &str) -> Option<Self> {
        let parts: Vec<&str> = rest.split('/').collect();
        let (name, what) = match parts.as_slice() {
            [name @ .., "blobs", "uploads"] | [name @ .., "blobs", "uploads", ""] => (name, What::Uploads),
            [name @ .., "blobs", "uploads", id] => (name, What::Upload((*id).to_owned())),
            [name @ .., "blobs", digest] => (name, What::Blob((*digest).to_owned())),
            [name @ .., "manifests", reference] => (name, What::Manifest((*reference).to_owned())),
            [name @ .., "referrers", digest] => (name, What::Referrers((*digest).to_owned())),
            [name @ .., "tags", "list"] => (name, What::Tags),
            _ => return None,
        };
        (!name.is_empty()).then(|| Self { name: name.join("/"), what })
    }
}

impl What {
    fn template(&self) -> &'static str {
        match self {
            Self::Manifest(_) => "/v2/{repository}/manifests/{reference}",
            Self::Blob(_) => "/v2/{repository}/blobs/{digest}",
            Self::Uploads => "/v2/{repository}/blobs/uploads/",
            Self::Upload(_) => "/v2/{repository}/blobs/uploads/{upload}",
            Self::Tags => "/v2/{repository}/tags/list",
            Self::Referrers(_) => "/v2/{repository}/referrers/{digest}",
        }
    }

    /// What a caller must be let do for it; `None` where it knows no such method.
    pub(super) fn action(&self, method: &Method) -> Option<Action> {
        TABLE.iter().find_map(|(verb, path, needs)| match needs {
            Needs::Executor(action) if *path == self.template() && verb.as_str() == method.as_str() => {
                Some(*action)
            }
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_read_from_their_end_at_any_depth() {
        for name in ["a", "a/b", "a/b/c/d/e", "blobs/uploads", "rpc/manifests", "tags"] {
            let read = |rest: &str| OciRoute::read(&format!("{name}/{rest}")).unwrap();
            let is = |rest: &str, what: What| {
                assert_eq!(read(rest), OciRoute { name: name.to_owned(), what }, "{name}/{rest}");
            };
            is("manifests/latest", What::Manifest("latest".into()));
            is("blobs/sha256:00", What::Blob("sha256:00".into()));
            is("blobs/uploads", What::Uploads);
            is("blobs/uploads/", What::Uploads);
            is("blobs/uploads/id", What::Upload("id".into()));
            is("tags/list", What::Tags);
            is("referrers/sha256:00", What::Referrers("sha256:00".into()));
        }
        for other in
            ["", "a", "manifests/latest", "tags/list", "a/manifests", "a/tags/lists", "executor/getMeta"]
        {
            assert_eq!(OciRoute::read(other), None, "{other}");
        }
    }
}
