//! Where does what is going on come from? Known for the time of one request, so that no use case needs to hand it on.

use std::net::IpAddr;

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
}

impl Origin {
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
