//! Which words does the Hub use, and what rules does each keep? No I/O happens here.

pub mod access;
pub mod ansi;
pub mod artifact;
pub mod artifact_query;
pub mod audit;
pub mod build_env;
pub mod clock;
pub mod commit;
pub mod digest;
pub mod executor;
pub mod id;
pub mod image;
pub mod limits;
pub mod name;
pub mod package;
pub mod page;
pub mod phase;
pub mod power;
pub mod query;
pub mod reference;
pub mod secret;
pub mod tag;
pub mod task;
pub mod team;
pub mod user;
pub mod visibility;
pub mod waiting;

pub use access::AccessLevel;
pub use build_env::BuildEnv;
pub use clock::{Clock, SystemClock};
pub use id::{
    ArtifactId, ArtifactUploadId, CommitId, ExecutorId, ImageUploadId, TaskId, TeamId, TokenId, UserId,
    WorkerId,
};
pub use name::{ExecutorName, Login};
pub use reference::ExecutorRef;
pub use secret::Secret;
pub use tag::{Tag, TagPattern};
pub use visibility::Visibility;
