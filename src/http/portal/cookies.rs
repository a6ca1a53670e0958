//! Which cookies does a browser get? Its session and the secret of its forms: out of reach of scripts, not sent along by
//! forms of other sites, and only over TLS where the Hub is reached so.

use axum::http::{HeaderValue, header};
use chrono::TimeDelta;

use crate::{domain::Secret, http::caller::SESSION_COOKIE};

/// The cookie with the secret that form tokens are made of.
pub(super) const FORM_COOKIE: &str = "ehub_form";

/// Where a cookie counts.
#[derive(Debug, Clone)]
pub(super) struct Scope {
    /// The path below which the Hub lives, without a slash at its end; often empty.
    pub(super) base: String,
    /// Whether the Hub is reached over TLS.
    pub(super) is_secure: bool,
}

impl Scope {
    /// From the address under which the Hub is reached.
    pub(super) fn of(external_url: &str) -> Self {
        let (scheme, rest) = external_url.split_once("://").unwrap_or(("http", external_url));
        let base = rest.find('/').map_or("", |at| rest.get(at..).unwrap_or_default());
        Self { base: base.trim_end_matches('/').to_owned(), is_secure: scheme.eq_ignore_ascii_case("https") }
    }

    /// Keeps a person signed in.
    pub(super) fn session(&self, token: &Secret, life: TimeDelta) -> HeaderValue {
        self.cookie(SESSION_COOKIE, token.expose(), Some(life.num_seconds()))
    }

    /// Ends that.
    pub(super) fn no_session(&self) -> HeaderValue {
        self.cookie(SESSION_COOKIE, "", Some(0))
    }

    /// The secret of the browser's forms, until it is closed.
    pub(super) fn form(&self, secret: &str) -> HeaderValue {
        self.cookie(FORM_COOKIE, secret, None)
    }

    fn cookie(&self, name: &str, value: &str, seconds: Option<i64>) -> HeaderValue {
        let mut text = format!("{name}={value}; Path={}/; HttpOnly; SameSite=Lax", self.base);
        if let Some(seconds) = seconds {
            text.push_str("; Max-Age=");
            text.push_str(&seconds.to_string());
        }
        if self.is_secure {
            text.push_str("; Secure");
        }
        let mut header = HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static(""));
        header.set_sensitive(true);
        header
    }
}

/// The name of the header for all of them.
pub(super) const SET: header::HeaderName = header::SET_COOKIE;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_are_for_the_hub_alone_and_over_tls_where_it_has_that() {
        let text = |url: &str| {
            let cookie = Scope::of(url).session(&Secret::new("abc"), TimeDelta::days(1));
            cookie.to_str().unwrap().to_owned()
        };
        let plain = "st=abc; Path=/; HttpOnly; SameSite=Lax; Max-Age=86400";
        assert_eq!(text("http://127.0.0.1:8080"), plain);
        assert_eq!(text("https://hub.example.com"), format!("{plain}; Secure"));
        assert!(text("https://example.com/hub").contains("; Path=/hub/;"));
    }
}
