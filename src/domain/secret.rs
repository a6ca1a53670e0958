//! How are secrets carried without being shown? Their text leaves only through [`Secret::expose`].

use std::fmt;

use zeroize::Zeroizing;

/// A text that must not be printed or logged; its memory is overwritten when it is dropped.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Wraps a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// The text itself: for hashing, comparing, and the one answer that shows it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether both are the same text, in a time that tells nothing of it; never when there is none.
    pub fn is_same_as(&self, other: &Self) -> bool {
        use subtle::ConstantTimeEq as _;
        !self.is_empty() && bool::from(self.0.as_bytes().ct_eq(other.0.as_bytes()))
    }

    /// Whether there is any text.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

/// 256 random bits for a new token or secret, as 43 characters that need no quoting in URLs and shells.
pub fn random_text() -> Secret {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    // A leading '-' would make the text an option to command lines, so it is drawn again.
    loop {
        let text = URL_SAFE_NO_PAD.encode(super::id::random_bytes::<32>());
        if !text.starts_with('-') {
            return Secret::new(text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_never_prints() {
        let secret = Secret::new("hunter2");
        assert!(!format!("{secret:?}").contains("hunter2"));
        assert_eq!(secret.expose(), "hunter2");
        assert!(secret.is_same_as(&Secret::new("hunter2")) && !secret.is_same_as(&Secret::new("hunter3")));
        assert!(!Secret::new("").is_same_as(&Secret::new("")), "no secret fits nobody");
    }
}
