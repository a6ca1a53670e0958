//! What does a request bring to say who asks? A token in `Authorization` (`token`, `Bearer` or bare) or in the cookie
//! `st`: the ways of every client (PROTOCOL.md 0).

use axum::http::{HeaderMap, HeaderValue, header};

use crate::{auth::Credentials, domain::Secret};

/// The cookie with the session token; the name is what programs of old send (PROTOCOL.md 0).
pub(super) const SESSION_COOKIE: &str = "st";

/// The credentials of a request. `Basic` is not for the RPC and counts as a token that fits nobody.
pub(super) fn credentials(headers: &HeaderMap) -> Credentials {
    if let Some(value) = headers.get(header::AUTHORIZATION) {
        let text = value.to_str().unwrap_or_default().trim();
        let token = match text.split_once(' ') {
            Some((scheme, token))
                if scheme.eq_ignore_ascii_case("token") || scheme.eq_ignore_ascii_case("bearer") =>
            {
                token.trim()
            }
            _ => text,
        };
        return if token.is_empty() { Credentials::None } else { Credentials::Token(Secret::new(token)) };
    }
    if !cookies_count(headers) {
        return Credentials::None;
    }
    cookie(headers, SESSION_COOKIE).map_or(Credentials::None, |token| Credentials::Token(Secret::new(token)))
}

/// The value of a cookie that is there and not empty.
pub(super) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|text| text.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(other, value)| *other == name && !value.is_empty()).map(|(_, value)| value)
}

/// Whether a browser sent this for a page of the Hub itself. Cookies are `SameSite=Lax`, but pages of other hosts of the
/// same domain count as the same site; what they may not do is call us in their visitors' name. Plain links are fine:
/// those come without `Origin`.
fn cookies_count(headers: &HeaderMap) -> bool {
    let site = headers.get("sec-fetch-site").map(HeaderValue::as_bytes);
    matches!(site, None | Some(b"same-origin" | b"none")) || !headers.contains_key(header::ORIGIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_of_the_clients_brings_the_token() {
        let read = |name: header::HeaderName, value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(name, HeaderValue::from_static(value));
            match credentials(&headers) {
                Credentials::Token(token) => Some(token.expose().to_owned()),
                Credentials::None => None,
            }
        };
        for value in ["token abc", "Token abc", "Bearer abc", "abc"] {
            assert_eq!(read(header::AUTHORIZATION, value).as_deref(), Some("abc"), "{value}");
        }
        assert_eq!(read(header::COOKIE, "a=b; st=abc").as_deref(), Some("abc"));
        assert_eq!(read(header::COOKIE, "a=b"), None);
    }

    #[test]
    fn a_cookie_does_not_count_in_what_another_site_sends() {
        let counts = |site: Option<&'static str>, origin: bool| {
            let mut headers = HeaderMap::new();
            headers.insert(header::COOKIE, HeaderValue::from_static("st=abc"));
            if let Some(site) = site {
                headers.insert("sec-fetch-site", HeaderValue::from_static(site));
            }
            if origin {
                headers.insert(header::ORIGIN, HeaderValue::from_static("https://elsewhere.example"));
            }
            matches!(credentials(&headers), Credentials::Token(_))
        };
        assert!(counts(None, false) && counts(Some("same-origin"), true) && counts(Some("none"), false));
        assert!(counts(Some("cross-site"), false), "a link from elsewhere");
        assert!(!counts(Some("cross-site"), true) && !counts(Some("same-site"), true));
    }
}
