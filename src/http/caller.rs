//! What does a request bring to say who asks? A token in `Authorization` (`token`, `Bearer` or bare) or in the cookie
//! `st`: the ways of every client (PROTOCOL.md 0).

use axum::http::{HeaderMap, header};

use crate::{auth::Credentials, domain::Secret};

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
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|text| text.split(';')).filter_map(|pair| pair.trim().split_once('='));
    match pairs.find(|(name, token)| *name == "st" && !token.is_empty()) {
        Some((_, token)) => Credentials::Token(Secret::new(token)),
        None => Credentials::None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_of_the_clients_brings_the_token() {
        let read = |name: header::HeaderName, value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(name, header::HeaderValue::from_static(value));
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
}
