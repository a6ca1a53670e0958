//! How is guessing made slow? Attempts are counted by account and by address; beyond a few, each has to wait longer.

use std::net::IpAddr;

use chrono::{DateTime, SecondsFormat, Utc};

use super::Auth;
use crate::{
    domain::Login,
    error::{Error, ErrorKind},
    store,
};

/// Who tries: at which account, if the attempt names one, and from where.
#[derive(Debug, Clone)]
pub struct Attempt {
    login: Option<String>,
    address: String,
}

impl Attempt {
    /// An attempt from an address.
    pub fn from(address: IpAddr) -> Self {
        Self { login: None, address: format!("address {}", network(address)) }
    }

    /// The same at an account, whether there is one of this login or not.
    #[must_use]
    pub fn at(self, login: &Login) -> Self {
        Self { login: Some(format!("login {}", login.key())), ..self }
    }
}

impl Auth {
    /// Counts an attempt before it is made; an error says when to try again.
    pub(super) async fn count_attempt(&self, attempt: &Attempt) -> Result<(), Error> {
        let now = self.clock.now();
        let mut connection = self.store.read().await?;
        let (address, login) = (self.rules.per_address, self.rules.per_login);
        let count = store::sign_in_attempts::count;
        let mut until = count(&mut connection, &attempt.address, address, now).await?;
        if until.is_none()
            && let Some(subject) = &attempt.login
        {
            until = count(&mut connection, subject, login, now).await?;
        }
        until.map_or(Ok(()), |until| Err(too_many(until, now)))
    }

    /// The attempt was good: the account starts afresh, and it does not count against the address.
    pub(super) async fn forgive_attempt(&self, attempt: &Attempt) -> Result<(), Error> {
        let mut connection = self.store.read().await?;
        if let Some(subject) = &attempt.login {
            store::sign_in_attempts::forget(&mut connection, subject).await?;
        }
        store::sign_in_attempts::take_back(&mut connection, &attempt.address, self.clock.now()).await?;
        Ok(())
    }
}

/// What counts as one address: one IPv6 customer has a whole /64.
pub(super) fn network(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
    }
}

fn too_many(until: DateTime<Utc>, now: DateTime<Utc>) -> Error {
    let seconds = (until - now).num_seconds().max(0) + 1;
    let at = until.to_rfc3339_opts(SecondsFormat::Secs, true);
    Error::new(
        ErrorKind::RateLimited,
        "too_many_attempts",
        "There were too many attempts to sign in.",
        format!("Try again in {seconds} seconds (at {at})."),
    )
    .after(std::time::Duration::from_secs(u64::try_from(seconds).unwrap_or(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv6_network_counts_as_one_address_and_mapped_ipv4_as_ipv4() {
        let subject = |text: &str| Attempt::from(text.parse().unwrap()).address;
        assert_eq!(subject("2001:db8:1:2:3:4:5:6"), subject("2001:db8:1:2:ffff::1"));
        assert_ne!(subject("2001:db8:1:2::1"), subject("2001:db8:1:3::1"));
        assert_eq!(subject("::ffff:192.0.2.1"), subject("192.0.2.1"));
        assert_ne!(subject("192.0.2.1"), subject("192.0.2.2"));
    }
}
