//! Where does what is going on come from? Known for the time of one request, so that no use case needs to hand it on.

use std::{
    net::IpAddr,
    sync::{Arc, OnceLock},
};

use crate::domain::{UserId, user::User};

tokio::task_local! {
    static CURRENT: Origin;
}

/// Address and request; both are absent at the command line.
#[derive(Debug, Clone, Default)]
pub struct Origin {
    /// Of whoever asks, as far as proxies of the operator's tell it.
    pub address: Option<IpAddr>,
    /// The id that the answer carries.
    pub request_id: Option<String>,
    /// Who asks, once their credentials were checked.
    actor: Arc<OnceLock<(UserId, String)>>,
}

impl Origin {
    /// That of a request.
    pub fn of_request(address: Option<IpAddr>, request_id: String) -> Self {
        Self { address, request_id: Some(request_id), actor: Arc::default() }
    }

    /// Who asks, if they are signed in.
    pub fn actor(&self) -> Option<(UserId, &str)> {
        self.actor.get().map(|(id, login)| (*id, login.as_str()))
    }

    /// Notes who asks.
    pub(super) fn note_actor(user: &User) {
        // Of two credentials in one request the first counts.
        let _ = CURRENT.try_with(|origin| origin.actor.set((user.id, user.login.to_string())));
    }

    /// That of the request which this task answers. A task of its own has none, unless it was started with
    /// [`Origin::during`].
    pub fn current() -> Self {
        CURRENT.try_with(Clone::clone).unwrap_or_default()
    }

    /// Runs `work` as coming from here.
    pub async fn during<F: Future>(self, work: F) -> F::Output {
        CURRENT.scope(self, work).await
    }
}
