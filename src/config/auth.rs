//! Who may come in, and how patiently are they tried? The settings of sign-ins, secrets and keys.

use std::time::Duration;

use serde::Deserialize;

use super::{Span, secret_text};
use crate::domain::Secret;

/// Longer ones would leave the calendar.
const LONGEST_LIFE: Duration = Duration::from_hours(3650 * 24);
/// A longer wait would be a way to shut others out.
const LONGEST_WAIT: Duration = Duration::from_hours(24);
const TOO_LONG: &str = "it must be 1d or less: whoever guesses makes others wait too";

/// `[auth]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Auth {
    /// Whether people may push without signing in.
    pub anonymous_push: bool,
    /// Whether everything needs a signed-in person.
    pub sign_in_required: bool,
    /// Hexadecimal; empty means a key file in the data folder.
    #[serde(deserialize_with = "secret_text")]
    pub master_key: Secret,
    /// How long a download address works.
    pub download_address_life: Span,
    /// Who may make an account.
    pub registration: Registration,
    /// How long a sign-in lasts.
    pub session_life: Span,
    /// Sign-ins to one account that may fail before each further one has to wait.
    pub sign_in_attempts: u16,
    /// The same, of one address.
    pub sign_in_attempts_per_address: u16,
    /// The longest such wait.
    pub sign_in_longest_wait: Span,
    /// Tries with a secret at one Executor that may fail before each further one has to wait.
    pub secret_attempts: u16,
    /// The same, of one address.
    pub secret_attempts_per_address: u16,
    /// The longest such wait.
    pub secret_longest_wait: Span,
}

/// Who may make an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Registration {
    /// An admin, for others.
    Closed,
    /// Everybody, for themselves.
    Open,
}

impl Auth {
    /// A key whose value cannot be, and why not.
    pub(super) fn wrong(&self) -> Option<(&'static str, &'static str)> {
        if self.session_life.0 < Duration::from_mins(1) {
            return Some(("auth.session_life", "it must be 1m or more"));
        }
        if self.session_life.0 > LONGEST_LIFE {
            return Some(("auth.session_life", "it must be 3650d or less"));
        }
        if self.sign_in_longest_wait.0 > LONGEST_WAIT {
            return Some(("auth.sign_in_longest_wait", TOO_LONG));
        }
        (self.secret_longest_wait.0 > LONGEST_WAIT).then_some(("auth.secret_longest_wait", TOO_LONG))
    }
}
