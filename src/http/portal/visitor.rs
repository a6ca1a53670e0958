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
    agent, assets,
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
    /// What their browser is called in their list of sessions.
    agent: String,
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
    /// File names of what pages load.
    pub(super) assets: assets::Names,
    /// For the hidden field of every form.
    pub(super) form_token: String,
    /// Who is greeted at the top.
    pub(super) person: Option<Person>,
    /// Whether somebody else could sign in: not on pages that do not know who looks.
    pub(super) may_sign_in: bool,
}

/// Somebody signed in.
#[derive(Debug)]
pub(super) struct Person {
    /// Their login.
    pub(super) login: String,
    /// Their name for show.
    pub(super) name: String,
    /// Whether they run the Hub.
    pub(super) is_admin: bool,
}

/// What a page may do besides showing itself with our stylesheet and icon.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Needs<'a> {
    /// An address elsewhere that a form of it leads to; one that we checked.
    pub(super) elsewhere: Option<&'a str>,
    /// Our script, which may ask the Hub.
    pub(super) script: bool,
    /// Images of anybody's, over TLS.
    pub(super) images: bool,
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
            agent: agent::name(&parts.headers, address),
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
            assets: assets::names(),
            form_token: self.form_token(),
            person: self.user().map(|user| Person {
                login: user.login.to_string(),
                name: user.display_name.clone(),
                is_admin: self.caller.is_admin(),
            }),
            may_sign_in: self.user().is_none(),
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

    /// A page with a form.
    pub(super) fn page(&self, status: StatusCode, template: &impl Template) -> Result<Response, PageError> {
        self.page_that_needs(Needs::default(), status, template)
    }

    /// A page with a form that may do more.
    pub(super) fn page_that_needs(
        &self,
        needs: Needs<'_>,
        status: StatusCode,
        template: &impl Template,
    ) -> Result<Response, PageError> {
        let html = template.render().map_err(Error::internal)?;
        let mut response = (status, Html(html)).into_response();
        protect(&mut response, needs)?;
        if self.form_secret_is_new {
            response.headers_mut().append(cookies::SET, self.scope.form(self.form_secret.expose()));
        }
        Ok(response)
    }

    /// A page to read. Strangers, whose page has no form, get no cookie, and their browsers may keep it and ask whether it has
    /// changed; what somebody sees signed in is not to come back with the back button after they have signed out.
    pub(super) fn reading(
        &self,
        needs: Needs<'_>,
        headers: &HeaderMap,
        template: &impl Template,
    ) -> Result<Response, PageError> {
        if self.user().is_some() {
            return self.page_that_needs(needs, StatusCode::OK, template);
        }
        let html = template.render().map_err(Error::internal)?;
        let mut digest = hex::encode(Sha256::digest(&html));
        digest.truncate(32);
        let tag = HeaderValue::from_str(&format!("\"{digest}\"")).map_err(Error::internal)?;
        let is_known = headers.get(header::IF_NONE_MATCH) == Some(&tag);
        let mut response =
            if is_known { StatusCode::NOT_MODIFIED.into_response() } else { Html(html).into_response() };
        protect(&mut response, needs)?;
        response.headers_mut().insert(header::ETAG, tag);
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
        response.headers_mut().insert(header::VARY, HeaderValue::from_static("Cookie"));
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
        let token = app.auth().open_session(user.id, &self.agent).await?;
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

/// Nothing but our own stylesheet and icon is loaded, nothing runs, nobody frames it, nobody keeps it, unless the page needs more.
pub(super) fn protect(response: &mut Response, needs: Needs<'_>) -> Result<(), Error> {
    let images = if needs.images { " https:" } else { "" };
    let script = if needs.script { " script-src 'self'; connect-src 'self';" } else { "" };
    let elsewhere = needs.elsewhere.unwrap_or_default();
    let policy = format!(
        "default-src 'none'; style-src 'self'; img-src 'self'{images};{script} form-action 'self' {elsewhere}; base-uri 'none'; \
         frame-ancestors 'none'"
    );
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_str(&policy).map_err(Error::internal)?);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(())
}
