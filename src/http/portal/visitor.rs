//! Who looks at a page, and what does every page need to know of them? Their session, their form token, and where links start.

use std::net::IpAddr;

use askama::Template;
use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, HeaderValue, StatusCode, header, request::Parts},
    response::{Html, IntoResponse as _, Response},
};
use sha2::{Digest as _, Sha256};

use super::{
    assets,
    cookies::{self, Scope},
    error::PageError,
};
use crate::{
    app::App,
    auth::{Caller, Credentials},
    domain::{Secret, secret, user::User},
    error::{Error, ErrorKind},
    http::{address::ClientAddress, caller},
};

/// Somebody with a browser.
#[derive(Debug)]
pub(super) struct Visitor {
    /// Who they are signed in as.
    pub(super) caller: Caller,
    /// Where they are.
    pub(super) address: IpAddr,
    scope: Scope,
    session: Option<Secret>,
    form_secret: Secret,
    form_secret_is_new: bool,
    /// The browser says that another site sent this.
    is_foreign: bool,
}

/// What every template gets.
#[derive(Debug)]
pub(super) struct Frame {
    /// What links start with.
    pub(super) base: String,
    /// File name of the stylesheet.
    pub(super) stylesheet: &'static str,
    /// For the hidden field of every form.
    pub(super) form_token: String,
}

impl FromRequestParts<App> for Visitor {
    type Rejection = PageError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, PageError> {
        let Ok(ClientAddress(address)) = ClientAddress::from_request_parts(parts, app).await;
        let credentials = caller::credentials(&parts.headers);
        let found = match app.auth().caller(&credentials).await {
            // A session that is over is no error to a browser: its person signs in again.
            Err(error) if error.kind == ErrorKind::Unauthenticated => Caller::Anonymous,
            found => found?,
        };
        let session = match (&found, credentials) {
            (Caller::Person { .. }, Credentials::Token(token)) => Some(token),
            _ => None,
        };
        let known = caller::cookie(&parts.headers, cookies::FORM_COOKIE).map(Secret::new);
        Ok(Self {
            caller: found,
            address,
            scope: Scope::of(&app.settings().server.external_url),
            session,
            form_secret_is_new: known.is_none(),
            form_secret: known.unwrap_or_else(secret::random_text),
            is_foreign: is_foreign(&parts.headers),
        })
    }
}

/// What browsers of these years say of every request; older ones say nothing and leave it to the form token.
fn is_foreign(headers: &HeaderMap) -> bool {
    let site = headers.get("sec-fetch-site").map(HeaderValue::as_bytes);
    !matches!(site, None | Some(b"same-origin" | b"none"))
}

impl Visitor {
    /// Who is signed in.
    pub(super) fn user(&self) -> Option<&User> {
        self.caller.user()
    }

    /// For templates.
    pub(super) fn frame(&self) -> Frame {
        Frame {
            base: self.scope.base.clone(),
            stylesheet: assets::stylesheet(),
            form_token: self.form_token(),
        }
    }

    /// Belongs to this browser's secret and to this session: who knows neither cannot make one, and one from before a
    /// sign-in is worth nothing after it.
    fn form_token(&self) -> String {
        let session = self.session.as_ref().map_or("", Secret::expose);
        let mut hasher = Sha256::new();
        for part in ["form", self.form_secret.expose(), session] {
            hasher.update((part.len() as u64).to_be_bytes());
            hasher.update(part);
        }
        hex::encode(hasher.finalize())
    }

    /// Refuses a form that no page of ours has shown to this browser.
    pub(super) fn check_form(&self, token: &str) -> Result<(), PageError> {
        use subtle::ConstantTimeEq as _;
        let fits: bool = self.form_token().as_bytes().ct_eq(token.as_bytes()).into();
        if fits && !self.form_secret_is_new && !self.is_foreign {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::Forbidden,
            "form_token",
            "This form is too old, or your browser refuses cookies.",
            "Go back, load the page again, and send it once more.",
        )
        .into())
    }

    /// A page.
    pub(super) fn page(&self, status: StatusCode, template: &impl Template) -> Result<Response, PageError> {
        self.page_that_submits_to(None, status, template)
    }

    /// A page with a form that leads to another address, which must be one that we checked.
    pub(super) fn page_that_submits_to(
        &self,
        elsewhere: Option<&str>,
        status: StatusCode,
        template: &impl Template,
    ) -> Result<Response, PageError> {
        let html = template.render().map_err(Error::internal)?;
        let mut response = (status, Html(html)).into_response();
        protect(&mut response, elsewhere)?;
        if self.form_secret_is_new {
            response.headers_mut().append(cookies::SET, self.scope.form(self.form_secret.expose()));
        }
        Ok(response)
    }

    /// Sends the browser to another page of the Hub; `path` starts with a slash.
    pub(super) fn redirect(&self, path: &str) -> Result<Response, PageError> {
        let location = format!("{}{path}", self.scope.base);
        let location = HeaderValue::from_str(&location).map_err(Error::internal)?;
        Ok((StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response())
    }

    /// The same, signed in: in place of whatever session the browser had.
    pub(super) async fn sign_in(&self, app: &App, user: &User, path: &str) -> Result<Response, PageError> {
        let token = app.auth().open_session(user.id, "browser").await?;
        if self.user().is_some() {
            app.auth().end_session(&self.caller).await?;
        }
        let mut response = self.redirect(path)?;
        let cookie = self.scope.session(&token, app.auth().rules().session_life);
        response.headers_mut().append(cookies::SET, cookie);
        Ok(response)
    }

    /// The same, signed out.
    pub(super) async fn sign_out(&self, app: &App, path: &str) -> Result<Response, PageError> {
        if self.user().is_some() {
            app.auth().end_session(&self.caller).await?;
        }
        let mut response = self.redirect(path)?;
        response.headers_mut().append(cookies::SET, self.scope.no_session());
        Ok(response)
    }
}

/// Nothing but our own stylesheet is loaded, nothing runs, nobody frames it, nobody keeps it.
pub(super) fn protect(response: &mut Response, elsewhere: Option<&str>) -> Result<(), Error> {
    let policy = format!(
        "default-src 'none'; style-src 'self'; form-action 'self' {}; base-uri 'none'; frame-ancestors 'none'",
        elsewhere.unwrap_or_default()
    );
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_str(&policy).map_err(Error::internal)?);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(())
}
