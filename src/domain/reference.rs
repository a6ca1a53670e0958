//! Which Executor does a client mean? The one parser of `id`, `name` and `owner/name`.

use std::str::FromStr;

use super::{ExecutorId, ExecutorName, Login, name::InvalidName};

/// How a client points at an Executor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExecutorRef {
    /// `owner/name` or `owner/<id>`.
    Owned {
        /// Before the slash.
        owner: Login,
        /// After the slash; it may be an id as well.
        name: ExecutorName,
    },
    /// A bare name, or an id: eight lower-case letters and digits may be both, and the id is tried first.
    Bare(ExecutorName),
}

impl ExecutorRef {
    /// The handle, if the last part has the shape of one.
    pub fn id(&self) -> Option<ExecutorId> {
        let (Self::Owned { name, .. } | Self::Bare(name)) = self;
        name.as_str().parse().ok()
    }
}

impl FromStr for ExecutorRef {
    type Err = InvalidName;

    /// Slashes and blanks around the parts are dropped, as the clients' own parsers do.
    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let text = text.trim().trim_matches('/');
        match text.split_once('/') {
            None => Ok(Self::Bare(text.parse()?)),
            Some((owner, name)) => {
                Ok(Self::Owned { owner: owner.parse()?, name: name.trim_matches('/').parse()? })
            }
        }
    }
}

impl std::fmt::Display for ExecutorRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Owned { owner, name } => write!(f, "{owner}/{name}"),
            Self::Bare(name) => write!(f, "{name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_the_clients_is_read() {
        let owned: ExecutorRef = "alice/MyExecutor".parse().expect("a reference");
        assert!(
            matches!(&owned, ExecutorRef::Owned { owner, name } if owner.as_str() == "alice" && name.as_str() == "MyExecutor")
        );
        let id: ExecutorRef = "alice/w7qckiqy".parse().expect("a reference");
        assert_eq!(id.id().map(|id| id.to_string()).as_deref(), Some("w7qckiqy"));
        assert!(matches!("MyExecutor".parse(), Ok(ExecutorRef::Bare(_))));
        assert!("/MyExecutor/".parse::<ExecutorRef>().is_ok());
        for bad in ["", "/", "a/b/c", "a b", "rpc/x"] {
            assert!(bad.parse::<ExecutorRef>().is_err(), "{bad:?}");
        }
    }
}
