//! What is worth remembering of who did what? Every change, and every look at something private.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;

use super::UserId;

/// What somebody did. The words are stable: other programs read them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuditAction {
    /// A push was accepted.
    ExecutorPushed,
    /// A private Executor was asked for, and where to fetch it was told.
    ExecutorPulled,
    /// The package of a private Executor was fetched.
    PackageDownloaded,
    /// An image of a private Executor, or a part of one, was fetched.
    ImagePulled,
    /// An image was pushed by hand.
    ImagePushed,
    /// An image, a part of one, or a tag that was pushed by hand was deleted.
    ImageDeleted,
    /// A private Executor was looked at: its page, its commits, its tags or its feed.
    ExecutorRead,
    /// An Executor was deleted.
    ExecutorDeleted,
    /// An Executor was brought back.
    ExecutorUndeleted,
    /// A commit was deleted.
    CommitDeleted,
    /// A commit was brought back.
    CommitUndeleted,
    /// A tag was pointed at a commit, other than by a push.
    TagMoved,
    /// A tag was protected, other than by a push.
    TagProtected,
    /// A tag was deleted.
    TagDeleted,
    /// A tag was brought back.
    TagUndeleted,
    /// An Executor got other rules that protect tags.
    TagRulesChanged,
    /// A build was stopped.
    BuildCancelled,
    /// A build was begun again.
    BuildRetried,
    /// The queue of builds was paused.
    BuildsPaused,
    /// The queue of builds was resumed.
    BuildsResumed,
    /// Somebody began to follow or list the builds of a private Executor.
    BuildRead,
    /// An Executor got another secret.
    SecretRotated,
    /// Others may see an Executor, or may not any more.
    VisibilityChanged,
    /// Somebody was let in, or further in or out.
    AccessGranted,
    /// Somebody was shut out.
    AccessRevoked,
    /// Somebody looked who may use a private Executor.
    AccessRead,
    /// A team was made.
    TeamCreated,
    /// A team got another name.
    TeamRenamed,
    /// A team was dissolved.
    TeamDeleted,
    /// Somebody came into a team, or got another role in it.
    MemberAdded,
    /// Somebody left a team or was removed.
    MemberRemoved,
    /// An account was made.
    UserCreated,
    /// A link was made with which somebody chooses a password.
    UserInvited,
    /// Somebody was shut out of the Hub.
    UserDisabled,
    /// Somebody was let into the Hub again.
    UserEnabled,
    /// Somebody's password was changed.
    PasswordChanged,
    /// Somebody signed in.
    SessionOpened,
    /// Somebody signed out.
    SessionEnded,
    /// A personal access token was made.
    TokenCreated,
    /// A personal access token was revoked.
    TokenRevoked,
    /// An artifact was stored or replaced.
    ArtifactStored,
    /// What is said of an artifact was changed.
    ArtifactChanged,
    /// An artifact was deleted.
    ArtifactDeleted,
    /// A private artifact was looked at, or where to fetch it was told.
    ArtifactRead,
    /// The bytes of a private artifact were fetched.
    ArtifactDownloaded,
    /// The audit log was read.
    AuditExported,
    /// Old entries of the audit log were deleted.
    AuditForgotten,
}

impl AuditAction {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ExecutorPushed => "executor.push",
            Self::ExecutorPulled => "executor.pull",
            Self::PackageDownloaded => "executor.download",
            Self::ImagePulled => "executor.image.pull",
            Self::ImagePushed => "executor.image.push",
            Self::ImageDeleted => "executor.image.delete",
            Self::ExecutorRead => "executor.read",
            Self::ExecutorDeleted => "executor.delete",
            Self::ExecutorUndeleted => "executor.undelete",
            Self::CommitDeleted => "executor.commit.delete",
            Self::CommitUndeleted => "executor.commit.undelete",
            Self::TagMoved => "executor.tag.move",
            Self::TagProtected => "executor.tag.protect",
            Self::TagDeleted => "executor.tag.delete",
            Self::TagUndeleted => "executor.tag.undelete",
            Self::TagRulesChanged => "executor.tag.rules",
            Self::BuildCancelled => "executor.build.cancel",
            Self::BuildRetried => "executor.build.retry",
            Self::BuildsPaused => "builds.pause",
            Self::BuildsResumed => "builds.resume",
            Self::BuildRead => "executor.build.read",
            Self::SecretRotated => "executor.secret.rotate",
            Self::VisibilityChanged => "executor.visibility.change",
            Self::AccessGranted => "executor.access.grant",
            Self::AccessRevoked => "executor.access.revoke",
            Self::AccessRead => "executor.access.read",
            Self::TeamCreated => "team.create",
            Self::TeamRenamed => "team.rename",
            Self::TeamDeleted => "team.delete",
            Self::MemberAdded => "team.member.add",
            Self::MemberRemoved => "team.member.remove",
            Self::UserCreated => "user.create",
            Self::UserInvited => "user.invite",
            Self::UserDisabled => "user.disable",
            Self::UserEnabled => "user.enable",
            Self::PasswordChanged => "user.password.change",
            Self::SessionOpened => "session.open",
            Self::SessionEnded => "session.end",
            Self::TokenCreated => "token.create",
            Self::TokenRevoked => "token.revoke",
            Self::ArtifactStored => "artifact.store",
            Self::ArtifactChanged => "artifact.change",
            Self::ArtifactDeleted => "artifact.delete",
            Self::ArtifactRead => "artifact.read",
            Self::ArtifactDownloaded => "artifact.download",
            Self::AuditExported => "audit.export",
            Self::AuditForgotten => "audit.forget",
        }
    }
}

/// What it was done to, as it was called then.
#[derive(Debug, Clone)]
pub struct AuditSubject {
    /// `executor`, `team`, `user`, `token`, `artifact`, `builds` or `audit`.
    pub kind: &'static str,
    /// What never changes of it.
    pub id: String,
    /// What people call it.
    pub title: String,
}

/// What let somebody do it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Right {
    /// It is theirs, or about themselves.
    Own,
    /// Its owner let them in, or it is their team.
    Grant,
    /// They knew the secret.
    Secret,
    /// They are an admin of the Hub.
    HubAdmin,
    /// They sit at the command line of the machine.
    Operator,
    /// Everybody may.
    Everybody,
}

impl Right {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::Grant => "grant",
            Self::Secret => "secret",
            Self::HubAdmin => "hub-admin",
            Self::Operator => "operator",
            Self::Everybody => "everybody",
        }
    }
}

/// One line of the audit log, as it is exported.
#[derive(Debug, Clone, Serialize)]
pub struct AuditEntry {
    /// Its number; numbers grow, and some are left out.
    pub number: i64,
    /// When.
    pub at: DateTime<Utc>,
    /// What was done: a word of [`AuditAction`].
    pub action: String,
    /// Who; absent for those who did not sign in.
    pub actor_id: Option<UserId>,
    /// Their login then.
    pub actor: Option<String>,
    /// What let them: a word of [`Right`].
    pub by_right_of: String,
    /// From which address; absent at the command line.
    pub address: Option<String>,
    /// In which request.
    pub request_id: Option<String>,
    /// What kind of thing it was done to.
    pub subject_kind: String,
    /// Which.
    pub subject_id: String,
    /// What that was called then.
    pub subject: String,
    /// What else is worth knowing; never a secret.
    pub details: Value,
}
