//! Who comes to the registry? With a token of the registry as Docker brings it, with name and password, or with an access
//! token as everywhere else. The password is an access token or an Executor's secret, never a person's own password.

use axum::http::{HeaderMap, header};
use base64::prelude::{BASE64_STANDARD, Engine as _};

use super::error::OciError;
use crate::{
    app::App,
    auth::{Caller, Credentials, policy::Action},
    domain::{ExecutorRef, Secret},
    error::{Error, ErrorKind},
    hub::{
        Hub,
        repositories::{Closed, Proof, Visitor, word},
    },
};

/// The password by which the clients' own credential helper says that nobody is signed in (PROTOCOL.md H).
const ANONYMOUS: &str = "anonymous";
/// What access tokens of this Hub begin with.
const TOKEN_PREFIX: &str = "ehub_";

/// Whoever comes.
#[derive(Debug)]
pub(super) struct Comer {
    pub(super) visitor: Visitor,
    /// Whether the request brought anything that says who it is, though it be "anybody".
    pub(super) brought_something: bool,
}

/// What is asked for, for challenges.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) name: &'a str,
    pub(super) action: Action,
}

impl Asked<'_> {
    pub(super) fn scope(self) -> String {
        let actions = match self.action {
            Action::Read | Action::ReadTasks => "pull".to_owned(),
            action => format!("pull,{}", word(action)),
        };
        format!("repository:{}:{actions}", self.name)
    }
}

impl Comer {
    pub(super) async fn of(app: &App, headers: &HeaderMap) -> Result<Self, Error> {
        let Some(value) = headers.get(header::AUTHORIZATION) else {
            let visitor = Visitor::new(Caller::Anonymous, Proof::Nothing);
            return Ok(Self { visitor, brought_something: false });
        };
        let refused = || Error::sign_in_required(true);
        let text = value.to_str().map_err(|_| refused())?.trim();
        let (scheme, rest) = text.split_once(' ').ok_or_else(refused)?;
        let rest = rest.trim();
        let visitor = if scheme.eq_ignore_ascii_case("basic") {
            let (name, password) = basic(rest).ok_or_else(refused)?;
            by_password(app, &name, password).await?
        } else if !scheme.eq_ignore_ascii_case("bearer") && !scheme.eq_ignore_ascii_case("token") {
            return Err(refused());
        } else if Hub::is_registry_token(rest) {
            app.hub().visitor_of_token(rest).await?
        } else {
            by_token(app, Secret::new(rest)).await?
        };
        Ok(Self { visitor, brought_something: true })
    }

    /// What they hear who may not. Whoever brought nothing is asked who they are, whatever there is; to whoever may not know
    /// of it, it is missing; and only who sees it is told that they may not.
    pub(super) fn refuse(&self, app: &App, asked: Asked<'_>, closed: Closed) -> OciError {
        let is_person = self.visitor.caller.user().is_some();
        let error = match closed {
            Closed::Failed(error) => error,
            Closed::Hidden if is_person => Error::new(
                ErrorKind::NotFound,
                "name_unknown",
                "There is no such repository.",
                "Check the name; images are pushed to Executors that are there already.",
            ),
            Closed::Forbidden if self.brought_something => Error::new(
                ErrorKind::Forbidden,
                "change_not_allowed",
                "You may not do this with this repository.",
                "Sign in as its owner, or ask its owner to let you in.",
            ),
            Closed::Scope | Closed::Hidden | Closed::Forbidden => Error::new(
                ErrorKind::Unauthenticated,
                "sign_in_required",
                "There is no such repository, or you must say who you are.",
                "Sign in with `docker login` (the password is an access token), or with the Executor's name and secret.",
            ),
        };
        OciError::from(error).challenged(app, Some(asked))
    }
}

/// Whoever has this name and password.
///
/// # Errors
/// In the same words whether the name is wrong or the password.
pub(super) async fn by_password(app: &App, name: &str, password: Secret) -> Result<Visitor, Error> {
    if password.expose() == ANONYMOUS {
        return Ok(Visitor::new(Caller::Anonymous, Proof::Nothing));
    }
    if password.expose().starts_with(TOKEN_PREFIX) {
        return by_token(app, password).await;
    }
    let proof = match name.parse::<ExecutorRef>() {
        Ok(reference) => app.hub().prove_secret(&reference, password).await?,
        Err(_) => None,
    };
    let proof = proof.ok_or_else(|| {
        Error::new(
            ErrorKind::Unauthenticated,
            "wrong_password",
            "The name or the password is wrong.",
            "The password is an access token of yours, or the secret of the Executor that is the name.",
        )
    })?;
    Ok(Visitor::new(Caller::Anonymous, proof))
}

/// Whoever has this access token.
pub(super) async fn by_token(app: &App, token: Secret) -> Result<Visitor, Error> {
    if token.expose() == ANONYMOUS {
        return Ok(Visitor::new(Caller::Anonymous, Proof::Nothing));
    }
    let caller = app.auth().caller(&Credentials::Token(token)).await?;
    Ok(Visitor::new(caller, Proof::Nothing))
}

/// Name and password of a header.
pub(super) fn basic(text: &str) -> Option<(String, Secret)> {
    let text = String::from_utf8(BASE64_STANDARD.decode(text).ok()?).ok()?;
    let (name, password) = text.split_once(':')?;
    Some((name.to_owned(), Secret::new(password)))
}

/// What the registry calls itself to Docker: its host.
pub(super) fn service(app: &App) -> &str {
    let address = &app.settings().server.external_url;
    let rest = address.split_once("://").map_or(address.as_str(), |(_, rest)| rest);
    rest.split('/').next().unwrap_or(rest)
}
