//! For how long may somebody follow a build? To its end, or until what let them in is over. That is looked at again while
//! they follow: a reader who lost their right hears on for [`LOOKED_AT_AFTER`] and a quiet moment, never longer.

use std::sync::Arc;

use chrono::TimeDelta;
use futures_util::{Stream, StreamExt as _};

use super::{Hub, progress::Watched};
use crate::{
    auth::Caller,
    builds::progress::{Followed, FollowedBatch, one_by_one},
    domain::{Secret, TaskId},
    error::{Error, ErrorKind},
};

/// After this long it is looked again whether a follower may still follow. A quiet build says something every five seconds.
pub const LOOKED_AT_AFTER: TimeDelta = TimeDelta::seconds(15);

/// What somebody came with who follows a build.
#[derive(Debug)]
pub(super) struct Pass {
    pub(super) caller: Caller,
    pub(super) task: TaskId,
    pub(super) secret: Option<Secret>,
}

impl Hub {
    /// The events of a task that somebody was let into, after number `after`: to its end, or until they may not follow it any
    /// more.
    pub fn follow_watched(
        &self,
        watched: &Watched,
        after: i64,
    ) -> impl Stream<Item = Followed> + Send + 'static + use<> {
        one_by_one(self.follow_watched_batches(watched, after))
    }

    /// The same in batches that all followers of this process share, for surfaces with many of them.
    pub fn follow_watched_batches(
        &self,
        watched: &Watched,
        after: i64,
    ) -> impl Stream<Item = FollowedBatch> + Send + 'static + use<> {
        let (hub, pass) = (self.clone(), Arc::clone(&watched.pass));
        let mut looked_at = self.0.clock.now();
        let batches = self.0.progress.clone().follow_batches(watched.task.id, after);
        batches.take_while(move |_| {
            let now = hub.0.clock.now();
            // A clock that was set back must not make it long.
            let is_due = (now - looked_at).abs() >= LOOKED_AT_AFTER;
            let look = is_due.then(|| (hub.clone(), Arc::clone(&pass)));
            if is_due {
                looked_at = now;
            }
            async move {
                match look {
                    Some((hub, pass)) => hub.may_still_follow(&pass).await,
                    None => true,
                }
            }
        })
    }

    async fn may_still_follow(&self, pass: &Pass) -> bool {
        match self.let_in_again(pass).await {
            Ok(()) => true,
            Err(error) => {
                let is_over = matches!(
                    error.kind,
                    ErrorKind::NotFound | ErrorKind::Unauthenticated | ErrorKind::Forbidden
                );
                if is_over {
                    tracing::info!(task.id = %pass.task, code = error.code, "a follower may not follow any more");
                }
                // What cannot be decided now is decided the next time.
                !is_over
            }
        }
    }

    async fn let_in_again(&self, pass: &Pass) -> Result<(), Error> {
        let caller = match &pass.caller {
            Caller::Anonymous => Caller::Anonymous,
            Caller::Person { token, .. } => {
                let caller = self.caller_of(*token).await?;
                caller.ok_or_else(|| Error::sign_in_required(true))?
            }
        };
        self.let_in(&caller, pass.task, pass.secret.as_ref()).await.map(|_| ())
    }
}
