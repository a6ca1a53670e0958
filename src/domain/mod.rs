//! Which words does the Hub use, and what rules does each keep? No I/O happens here.

pub mod ansi;
pub mod artifact;
pub mod artifact_query;
pub mod build_env;
pub mod clock;
pub mod commit;
pub mod digest;
pub mod executor;
pub mod id;
pub mod limits;
pub mod name;
pub mod package;
pub mod page;
pub mod phase;
pub mod reference;
pub mod secret;
pub mod tag;
pub mod task;
pub mod user;
pub mod visibility;
pub mod waiting;

pub use build_env::BuildEnv;
pub use clock::{Clock, SystemClock};
pub use id::{ArtifactId, ArtifactUploadId, CommitId, ExecutorId, TaskId, TokenId, UserId, WorkerId};
pub use name::{ExecutorName, Login};
pub use reference::ExecutorRef;
pub use secret::Secret;
pub use tag::Tag;
pub use visibility::Visibility;
