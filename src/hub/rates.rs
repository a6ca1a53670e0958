//! How often may somebody push or ask? Pushes are counted in the database, for all replicas together; requests in this
//! process only, because they are too many to be written down.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};

use super::Hub;
use crate::{
    auth::Caller,
    error::{Error, ErrorKind},
    store,
};

/// How many of those who ask are kept in mind at once.
const MOST_KNOWN: usize = 100_000;

/// How often one may do things; 0 means as often as they like.
#[derive(Debug, Clone, Copy, Default)]
pub struct Rates {
    /// Pushes of one person in an hour.
    pub pushes_per_hour: u32,
    /// Pushes without a sign-in from one address in an hour.
    pub anonymous_pushes_per_hour: u32,
    /// Requests to the API by one person, or without a sign-in from one address, in a minute.
    pub requests_per_minute: u32,
}

/// Where somebody stands with their requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// How many may come in a minute.
    pub most: u32,
    /// How many may come at once from now.
    pub left: u32,
    /// After how many seconds there is at least one more.
    pub reset: u64,
    /// Whether this one may not.
    pub is_over: bool,
}

/// Who asked when, in this process: for each the moment at which all their requests would have come at the allowed rate.
#[derive(Debug, Default)]
pub(super) struct RequestRates(Mutex<HashMap<String, DateTime<Utc>>>);

impl RequestRates {
    fn count(&self, subject: &str, most: u32, now: DateTime<Utc>) -> Allowance {
        let period = TimeDelta::minutes(1);
        let step = period / i32::try_from(most.max(1)).unwrap_or(i32::MAX);
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST_KNOWN && !known.contains_key(subject) {
            known.retain(|_, due| *due > now);
            // So many at once are an attack; forgetting all of them lets it in, and nobody else out.
            if known.len() >= MOST_KNOWN {
                known.clear();
            }
        }
        let due = known.get(subject).copied().unwrap_or(now).max(now);
        let is_over = due + step > now + period;
        let due = if is_over { due } else { due + step };
        if !is_over {
            known.insert(subject.to_owned(), due);
        }
        let free = (now + period - due).num_microseconds().unwrap_or(0);
        let step = step.num_microseconds().unwrap_or(1).max(1);
        let until_next = step - free.rem_euclid(step);
        Allowance {
            most,
            left: u32::try_from(free / step).unwrap_or(0).min(most),
            reset: u64::try_from(until_next).unwrap_or(0).div_ceil(1_000_000),
            is_over,
        }
    }
}

impl Hub {
    /// Counts a push before its bytes are received; an error says when to try again.
    pub async fn count_push(&self, caller: &Caller, address: IpAddr) -> Result<(), Error> {
        let rates = self.0.rules.rates;
        let (subject, most) = match caller.user_id() {
            Some(id) => (format!("person {id}"), rates.pushes_per_hour),
            None => (of_address(address), rates.anonymous_pushes_per_hour),
        };
        if most == 0 {
            return Ok(());
        }
        let now = self.0.clock.now();
        let mut connection = self.0.store.read().await?;
        let again =
            store::push_rates::count(&mut connection, &subject, most, TimeDelta::hours(1), now).await?;
        let Some(again) = again else { return Ok(()) };
        Err(too_often(
            "too_many_pushes",
            format!("There were {most} pushes in an hour, as many as this Hub takes of one sender."),
            again,
            now,
        ))
    }

    /// Whether requests are counted at all.
    pub fn counts_requests(&self) -> bool {
        self.0.rules.rates.requests_per_minute > 0
    }

    /// Counts a request to the API; one that is over the limit is not counted and must be answered with
    /// [`Hub::too_many_requests`]. `None` when there is no limit.
    pub fn count_request(&self, caller: &Caller, address: IpAddr) -> Option<Allowance> {
        let most = self.0.rules.rates.requests_per_minute;
        let subject = caller.user_id().map_or_else(|| of_address(address), |id| format!("person {id}"));
        (most > 0).then(|| self.0.requests.count(&subject, most, self.0.clock.now()))
    }

    /// The answer to a request that is over the limit.
    pub fn too_many_requests(&self, allowance: Allowance) -> Error {
        let now = self.0.clock.now();
        let again = now + TimeDelta::seconds(i64::try_from(allowance.reset).unwrap_or(60));
        let cause =
            format!("There were {} requests in a minute, as many as this Hub answers.", allowance.most);
        too_often("too_many_requests", cause, again, now)
    }

    /// Forgets whose pushes do not count any more.
    pub async fn forget_rates(&self) -> Result<(), Error> {
        let mut connection = self.0.store.read().await?;
        Ok(store::push_rates::forget_old(&mut connection, self.0.clock.now()).await?)
    }
}

/// One IPv6 customer has a whole /64, so that counts as one.
fn of_address(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => format!("address {address}"),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            format!("address {a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
    }
}

fn too_often(code: &'static str, cause: String, again: DateTime<Utc>, now: DateTime<Utc>) -> Error {
    let wait = (again - now).to_std().unwrap_or_default().as_secs() + 1;
    let at = again.to_rfc3339_opts(SecondsFormat::Secs, true);
    let remedy = format!("Try again in {wait} seconds (at {at}).");
    Error::new(ErrorKind::RateLimited, code, cause, remedy).after(Duration::from_secs(wait))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_holds_so_many_requests_and_they_come_back_one_by_one() {
        let rates = RequestRates::default();
        let start = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let left: Vec<u32> = (0..6).map(|_| rates.count("a", 6, start).left).collect();
        assert_eq!(left, [5, 4, 3, 2, 1, 0]);
        let over = rates.count("a", 6, start);
        assert!(over.is_over && over.reset >= 10, "{over:?}");
        assert!(!rates.count("b", 6, start).is_over, "another's");
        let later = start + TimeDelta::seconds(10);
        assert!(!rates.count("a", 6, later).is_over && rates.count("a", 6, later).is_over);
        assert_eq!(rates.count("a", 6, start + TimeDelta::minutes(2)).left, 5);
    }

    #[test]
    fn what_is_kept_in_mind_has_an_end() {
        let rates = RequestRates::default();
        let start = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        for n in 0..=MOST_KNOWN {
            rates.count(&n.to_string(), 1, start);
        }
        assert!(rates.0.lock().unwrap().len() <= MOST_KNOWN);
    }
}
