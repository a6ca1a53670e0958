//! How is a submitted form read? Into a type of its page's own, unknown fields refused; and which texts in it may lead where?

use axum::extract::{FromRequest, Request};
use serde::de::DeserializeOwned;

use super::error::PageError;
use crate::{domain::Secret, error::Error};

/// A submitted form.
#[derive(Debug)]
pub(super) struct Form<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Form<T> {
    type Rejection = PageError;

    async fn from_request(request: Request, state: &S) -> Result<Self, PageError> {
        match axum::Form::<T>::from_request(request, state).await {
            Ok(axum::Form(form)) => Ok(Self(form)),
            Err(_) => Err(Error::invalid(
                "form",
                "The form was not filled in as this page asks.",
                "Go back, load the page again, and send it once more.",
            )
            .into()),
        }
    }
}

/// Two fields with the same new password.
pub(super) fn new_password(password: String, again: String) -> Result<Secret, Error> {
    let (password, again) = (Secret::new(password), Secret::new(again));
    if password.expose() == again.expose() {
        Ok(password)
    } else {
        Err(Error::invalid("password_again", "The two passwords are not the same.", "Type them again."))
    }
}

/// A path of the Hub to go on to, or `fallback`: whatever could lead to another host is not gone to.
pub(super) fn path_or<'a>(wanted: Option<&'a str>, fallback: &'a str) -> &'a str {
    wanted
        .filter(|path| {
            path.starts_with('/')
                && !path.starts_with("//")
                && path.len() <= 1000
                && path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\')
        })
        .unwrap_or(fallback)
}

#[cfg(test)]
mod tests {
    use super::path_or;

    #[test]
    fn nobody_is_sent_to_another_host() {
        assert_eq!(path_or(Some("/executors?q=a#b"), "/"), "/executors?q=a#b");
        for bad in [
            "",
            "//evil.example",
            "/\\evil.example",
            "\\/evil.example",
            "https://evil.example",
            "evil.example",
            "/a\r\nset-cookie: x=y",
            "/\t/evil.example",
            " /x",
            "javascript:alert(1)",
        ] {
            assert_eq!(path_or(Some(bad), "/fallback"), "/fallback", "{bad:?}");
        }
        assert_eq!(path_or(None, "/fallback"), "/fallback");
    }
}
