//! How are chosen secrets kept? As argon2id hashes, made and checked on blocking threads, a few at a time.

use std::sync::LazyLock;

use argon2::{
    Argon2,
    password_hash::{PasswordHasher as _, PasswordVerifier as _, phc::PasswordHash},
};
use tokio::sync::Semaphore;

use crate::{
    domain::{Login, Secret},
    error::Error,
};

/// The shortest password, in characters. Length is what counts, so nothing else is asked of it.
const MIN_CHARACTERS: usize = 10;
/// The longest, in bytes: more is no safer and would be hashed for nothing.
const MAX_BYTES: usize = 1024;

/// Each hash takes 19 MiB and some tens of milliseconds (OWASP's figures for argon2id, the crate's default); more at
/// once than this would let a crowd of guesses take the machine's memory.
static AT_ONCE: LazyLock<Semaphore> = LazyLock::new(|| Semaphore::new(4));

/// The hash of a text that nobody knows.
const NO_ONE: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$xN1uJN3LgJz8n7vXWtXUIFxZzoaR0sYb3LrBHtKzVZ8";

/// A hash of a password that a person chose, once it is good enough.
pub async fn hash_new(password: &Secret, login: &Login) -> Result<String, Error> {
    let text = password.expose();
    let cause = if text.chars().count() < MIN_CHARACTERS {
        format!("A password has at least {MIN_CHARACTERS} characters.")
    } else if text.len() > MAX_BYTES {
        format!("A password has at most {MAX_BYTES} bytes.")
    } else if text.eq_ignore_ascii_case(login.as_str()) {
        "The login itself is no password.".to_owned()
    } else {
        return hash(password).await;
    };
    Err(Error::invalid("password", cause, "Choose another password."))
}

/// A hash of a secret, for the database.
pub async fn hash(secret: &Secret) -> Result<String, Error> {
    let secret = secret.clone();
    on_blocking_thread(move || {
        let salt = crate::domain::id::random_bytes::<16>();
        Argon2::default()
            .hash_password_with_salt(secret.expose().as_bytes(), &salt)
            .map(|hash| hash.to_string())
            .map_err(Error::internal)
    })
    .await?
}

/// Whether `secret` fits `hash`. Without a hash the same work is done for nothing, so that the time tells nothing.
pub async fn verify(secret: &Secret, hash: Option<&str>) -> Result<bool, Error> {
    let is_real = hash.is_some();
    // For those who look how much work an answer takes.
    tracing::trace!("a secret is checked against a hash");
    let (secret, hash) = (secret.clone(), hash.unwrap_or(NO_ONE).to_owned());
    let fits = on_blocking_thread(move || {
        PasswordHash::new(&hash)
            .is_ok_and(|hash| Argon2::default().verify_password(secret.expose().as_bytes(), &hash).is_ok())
    })
    .await?;
    Ok(fits && is_real)
}

async fn on_blocking_thread<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Error> {
    let _permit = AT_ONCE.acquire().await.map_err(Error::internal)?;
    tokio::task::spawn_blocking(work).await.map_err(Error::internal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_secret_fits_its_own_hash_only() {
        let secret = Secret::new("correct horse");
        let stored = hash(&secret).await.unwrap();
        assert!(stored.starts_with("$argon2id$"));
        assert!(verify(&secret, Some(&stored)).await.unwrap());
        assert!(!verify(&Secret::new("wrong horse"), Some(&stored)).await.unwrap());
        assert!(!verify(&secret, None).await.unwrap());
        assert_ne!(stored, hash(&secret).await.unwrap(), "every hash has its own salt");
    }

    #[tokio::test]
    async fn the_hash_of_no_one_costs_as_much_as_anybodys() {
        let stored = hash(&Secret::new("correct horse")).await.unwrap();
        let (no_one, stored) = (PasswordHash::new(NO_ONE).unwrap(), PasswordHash::new(&stored).unwrap());
        assert_eq!((no_one.algorithm, no_one.version), (stored.algorithm, stored.version));
        assert_eq!(no_one.params.to_string(), stored.params.to_string());
        assert_eq!(no_one.hash.unwrap().len(), stored.hash.unwrap().len());
    }
}
