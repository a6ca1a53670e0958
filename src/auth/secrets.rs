//! Does a secret fit an Executor? Slow to guess, quick to use: a secret that was found to fit is known for a minute, and
//! every other try is counted, by item and by address, before it is looked at.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};

use super::{Origin, keys, passwords, throttle::network};
use crate::{
    domain::{Clock, ExecutorId, Secret, id::random_bytes},
    error::{Error, ErrorKind},
    store::{self, Store, sign_in_attempts::Limit},
};

/// How long a secret that fitted is known.
const KNOWN_FOR: TimeDelta = TimeDelta::seconds(60);
/// How many are known at a time, some 100 bytes each.
const MOST_KNOWN: usize = 10_000;
/// Of the same secret for the same item, one at a time is hashed; this many such lines stand side by side.
const LINES: usize = 64;
/// The shortest secret that may be chosen, in characters; those that were chosen before stay good.
const MIN_CHARACTERS: usize = 8;

/// How guessing is held back.
#[derive(Debug, Clone, Copy)]
pub struct SecretRules {
    /// Of one item, whatever the addresses.
    pub per_item: Limit,
    /// From one address, whatever the items.
    pub per_address: Limit,
}

/// Checks secrets of Executors.
#[derive(Debug)]
pub struct Secrets {
    store: Store,
    clock: Arc<dyn Clock>,
    rules: SecretRules,
    /// Made at the start and never written down: what is known is worth nothing to whoever reads this memory's image later.
    key: [u8; 32],
    known: Mutex<HashMap<[u8; 32], DateTime<Utc>>>,
    lines: [tokio::sync::Mutex<()>; LINES],
}

impl Secrets {
    /// Over the given store, where tries are counted for all replicas together.
    pub fn new(store: Store, clock: Arc<dyn Clock>, rules: SecretRules) -> Self {
        Self {
            store,
            clock,
            rules,
            key: random_bytes(),
            known: Mutex::default(),
            lines: std::array::from_fn(|_| tokio::sync::Mutex::default()),
        }
    }

    /// Whether `secret` fits the Executor with this hash. `item` is what the caller asked for, in their words: it is
    /// counted the same whether it exists or not, and without a hash the same work is done for nothing. An error when
    /// there were too many tries.
    ///
    /// A secret that fits is known by a keyed hash of the Executor, the stored hash and itself: once it is rotated, on
    /// whichever replica, the stored hash is another and the old secret is known no more.
    pub async fn fit(
        &self,
        secret: &Secret,
        item: &str,
        found: Option<(&ExecutorId, Option<&str>)>,
    ) -> Result<bool, Error> {
        let (id, hash) = found.map_or((item, None), |(id, hash)| (id.as_str(), hash));
        let parts = [id.as_bytes(), hash.unwrap_or_default().as_bytes(), secret.expose().as_bytes()];
        let word = keys::tag(&self.key, &parts);
        if self.knows(&word) {
            return Ok(true);
        }
        // A crowd with the same secret waits for the first of them instead of each being counted.
        let _turn = match self.lines.get(usize::from(word[0]) % LINES) {
            Some(line) => Some(line.lock().await),
            None => None,
        };
        if self.knows(&word) {
            return Ok(true);
        }
        let subjects = self.count_try(item).await?;
        let fits = passwords::verify(secret, hash).await?;
        if fits {
            let mut connection = self.store.read().await?;
            for (subject, _) in &subjects {
                store::sign_in_attempts::take_back(&mut connection, subject, self.clock.now()).await?;
            }
            self.remember(word);
        } else {
            metrics::counter!("hub_auth_failures_total", "reason" => "secret").increment(1);
        }
        Ok(fits)
    }

    fn knows(&self, word: &[u8; 32]) -> bool {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(word).is_some_and(|until| *until > self.clock.now())
    }

    fn remember(&self, word: [u8; 32]) {
        let now = self.clock.now();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST_KNOWN {
            known.retain(|_, until| *until > now);
        }
        if known.len() >= MOST_KNOWN {
            known.clear();
        }
        known.insert(word, now + KNOWN_FOR);
    }

    async fn count_try(&self, item: &str) -> Result<Vec<(String, Limit)>, Error> {
        let now = self.clock.now();
        let mut subjects = Vec::with_capacity(2);
        if let Some(address) = Origin::current().address {
            subjects.push((format!("secrets from {}", network(address)), self.rules.per_address));
        }
        subjects.push((format!("secret of {}", item.to_lowercase()), self.rules.per_item));
        let mut connection = self.store.read().await?;
        for (subject, limit) in &subjects {
            let until = store::sign_in_attempts::count(&mut connection, subject, *limit, now).await?;
            if let Some(until) = until {
                return Err(too_many(until, now));
            }
        }
        Ok(subjects)
    }
}

/// Checks what somebody chose for a secret; with it a URI of old clients is written.
pub fn check_chosen(secret: &Secret) -> Result<(), Error> {
    check_form(secret)?;
    if secret.expose().chars().count() >= MIN_CHARACTERS {
        return Ok(());
    }
    Err(Error::invalid(
        "secret_too_short",
        format!("A secret has at least {MIN_CHARACTERS} characters."),
        "Choose a longer one, or leave `--secret` out and the Hub makes one.",
    ))
}

/// Checks what cannot be anybody's secret.
pub fn check_form(secret: &Secret) -> Result<(), Error> {
    let text = secret.expose();
    let is_good = !text.is_empty()
        && text.chars().count() <= 256
        && !text.chars().any(|c| c.is_control() || c.is_whitespace() || matches!(c, ':' | '/'));
    if is_good {
        return Ok(());
    }
    Err(Error::invalid(
        "secret",
        "A secret has 1 to 256 characters, none of them blank, ':' or '/'.",
        "Choose another secret: it must fit into jinahub://NAME:SECRET/TAG.",
    ))
}

fn too_many(until: DateTime<Utc>, now: DateTime<Utc>) -> Error {
    let seconds = (until - now).num_seconds().max(0) + 1;
    let at = until.to_rfc3339_opts(SecondsFormat::Secs, true);
    Error::new(
        ErrorKind::RateLimited,
        "too_many_attempts",
        "There were too many attempts with a secret.",
        format!("Try again in {seconds} seconds (at {at})."),
    )
    .after(std::time::Duration::from_secs(u64::try_from(seconds).unwrap_or(1)))
}
