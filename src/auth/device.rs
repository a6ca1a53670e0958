//! How does a program get a token without ever seeing a password? It waits while its person signs in with a browser and
//! lets it in; then it exchanges a code and a state, good once, for a session token.
//!
//! Everything is in rows, so that the waiting, the page and the exchange may each be on another replica. The code is known
//! to the waiting program's connection alone: whoever only has the link can decide but gets nothing.

use std::{net::IpAddr, time::Duration};

use chrono::TimeDelta;

use super::{Auth, tokens};
use crate::{
    domain::{Secret, digest::Sha256, secret, user::User},
    error::{Error, ErrorKind},
    store::{self, device_sign_ins::NewDeviceSignIn},
};

pub use crate::store::device_sign_ins::{DeviceSignIn, Outcome};

/// How long a person has to decide, and the program to fetch its token.
const LIFE: TimeDelta = TimeDelta::minutes(10);
/// Programs of one address that may wait at once.
const MAX_WAITING: i64 = 20;
/// How often a waiting connection looks for the decision.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// The longest text that a program may say of itself, in characters.
const MAX_CLIENT: usize = 200;

/// A code and the state that belongs to it: together they are worth one session token.
#[derive(Debug, Clone)]
pub struct Grant {
    /// The code.
    pub code: Secret,
    /// The state.
    pub state: Secret,
}

impl Grant {
    fn mint() -> Self {
        Self { code: secret::random_text(), state: secret::random_text() }
    }

    fn hashes(&self) -> (Sha256, Sha256) {
        (tokens::hash(&self.code), tokens::hash(&self.state))
    }
}

/// What the person decided.
#[derive(Debug, Clone, Copy)]
pub enum Decision<'a> {
    /// The program may act as this person.
    Allow(&'a User),
    /// It may not.
    Refuse,
}

impl Auth {
    /// A program starts to wait: the word for its link, and what it gets when somebody lets it in.
    pub async fn start_device_sign_in(
        &self,
        client: &str,
        address: IpAddr,
    ) -> Result<(Secret, Grant), Error> {
        let grant = Grant::mint();
        let link = self.add_waiting(client, address, Some(&grant), None).await?;
        Ok((link, grant))
    }

    /// The same for a program that listens on this computer and has the browser bring the code (SDK 0.4). Any other place
    /// is refused: the code must not leave the person's computer.
    pub async fn start_returning_sign_in(
        &self,
        client: &str,
        address: IpAddr,
        return_to: &str,
    ) -> Result<Secret, Error> {
        if !is_on_this_computer(return_to) {
            return Err(Error::invalid(
                "redirect_uri",
                "A sign-in can only return to a port of the same computer, such as http://localhost:8085.",
                "Use a newer client.",
            ));
        }
        self.add_waiting(client, address, None, Some(return_to)).await
    }

    async fn add_waiting(
        &self,
        client: &str,
        address: IpAddr,
        grant: Option<&Grant>,
        return_to: Option<&str>,
    ) -> Result<Secret, Error> {
        let link = secret::random_text();
        let now = self.clock.now();
        let address = address.to_canonical().to_string();
        let client: String = client.chars().filter(|c| !c.is_control()).take(MAX_CLIENT).collect();
        let mut connection = self.store.read().await?;
        if store::device_sign_ins::count_waiting(&mut connection, &address, now).await? >= MAX_WAITING {
            return Err(Error::new(
                ErrorKind::RateLimited,
                "too_many_sign_ins",
                "Too many programs at your address wait for somebody to sign in.",
                format!("Try again in {} minutes.", LIFE.num_minutes()),
            )
            .after(LIFE.to_std().unwrap_or_default()));
        }
        let new = NewDeviceSignIn {
            link: tokens::hash(&link),
            grant: grant.map(Grant::hashes),
            return_to,
            client: &client,
            address: &address,
            expires_at: now + LIFE,
        };
        store::device_sign_ins::insert(&mut connection, new, now).await?;
        Ok(link)
    }

    /// The program that waits behind a link.
    pub async fn waiting_device(&self, link: &Secret) -> Result<DeviceSignIn, Error> {
        let mut connection = self.store.read().await?;
        let found =
            store::device_sign_ins::find_waiting(&mut connection, tokens::hash(link), self.clock.now());
        found.await?.ok_or_else(link_is_over)
    }

    /// Lets the program behind a link in, or refuses it. What comes back is for the browser to carry on, for programs that
    /// do not wait for it.
    pub async fn decide_device_sign_in(
        &self,
        link: &Secret,
        decision: Decision<'_>,
    ) -> Result<Option<(String, Grant)>, Error> {
        let waiting = self.waiting_device(link).await?;
        let user = match decision {
            Decision::Allow(user) => Some(user.id),
            Decision::Refuse => None,
        };
        let returning = waiting.return_to.filter(|_| user.is_some()).map(|to| (to, Grant::mint()));
        let hashes = returning.as_ref().map(|(_, grant)| grant.hashes());
        let (link, now) = (tokens::hash(link), self.clock.now());
        let mut connection = self.store.read().await?;
        if store::device_sign_ins::decide(&mut connection, link, user, hashes, now).await? {
            Ok(returning)
        } else {
            Err(link_is_over())
        }
    }

    /// Waits until somebody decided, or until it is too late. A database that is away for a moment costs a moment.
    pub async fn device_outcome(&self, link: &Secret) -> Outcome {
        let hash = tokens::hash(link);
        let end = self.clock.now() + LIFE;
        loop {
            let now = self.clock.now();
            let looked = async {
                let mut connection = self.store.read().await?;
                store::device_sign_ins::outcome(&mut connection, hash, now).await
            };
            match looked.await {
                Ok(Outcome::Waiting) => {}
                Ok(outcome) => return outcome,
                Err(error) => tracing::debug!(%error, "cannot look for a decision at the moment"),
            }
            if now >= end {
                return Outcome::Expired;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Exchanges what a program got for a session token, once.
    pub async fn exchange_grant(&self, grant: &Grant) -> Result<(User, Secret), Error> {
        let (code, state) = grant.hashes();
        let mut transaction = self.store.begin().await?;
        let user = store::device_sign_ins::exchange(&mut transaction, code, state, self.clock.now()).await?;
        let user = user.ok_or_else(|| {
            Error::new(
                ErrorKind::Unauthenticated,
                "grant_over",
                "This sign-in is unknown, used or too old.",
                "Sign in again with `jina auth login`.",
            )
        })?;
        let token = self.open_session_on(&mut transaction, user.id, "jina auth login").await?;
        transaction.commit().await?;
        Ok((user, token))
    }
}

fn link_is_over() -> Error {
    Error::new(
        ErrorKind::NotFound,
        "device_sign_in_over",
        "No program waits behind this link: it was used, or it is older than ten minutes.",
        "Start again with `jina auth login`.",
    )
}

/// `http://localhost:PORT` and `http://127.0.0.1:PORT`, with a path of harmless characters at most.
fn is_on_this_computer(address: &str) -> bool {
    let Some(rest) =
        ["http://localhost:", "http://127.0.0.1:"].iter().find_map(|start| address.strip_prefix(start))
    else {
        return false;
    };
    let (port, path) = rest.split_once('/').unwrap_or((rest, ""));
    let is_port =
        port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|port| port > 0);
    is_port
        && path.len() <= 200
        && path.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-' | b'_' | b'.'))
}

#[cfg(test)]
mod tests {
    use super::is_on_this_computer;

    #[test]
    fn codes_return_to_the_same_computer_only() {
        for good in ["http://localhost:8085", "http://127.0.0.1:1/", "http://localhost:8085/call/back"] {
            assert!(is_on_this_computer(good), "{good}");
        }
        for bad in [
            "",
            "http://localhost",
            "http://localhost:80@evil.example",
            "http://localhost:8085.evil.example/",
            "http://localhost:0",
            "http://localhost:99999",
            "http://localhost:+80",
            "https://localhost:8085",
            "http://evil.example:8085",
            "http://localhost:8085/;script-src *",
            "http://localhost:8085?x",
            "//evil.example",
        ] {
            assert!(!is_on_this_computer(bad), "{bad}");
        }
    }
}
