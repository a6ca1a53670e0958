//! Where does Docker get its token? By GET with name and password, or nothing; by POST with an identity token, as the
//! clients' credential helper makes it do, or with name and password in a form.

use axum::{
    Json,
    extract::{RawQuery, Request, State},
    http::{HeaderMap, HeaderValue, Method, header},
    response::{IntoResponse as _, Response},
};
use chrono::{DateTime, SecondsFormat};
use serde_json::json;

use super::{
    Answer,
    error::OciError,
    login::{Comer, by_password, by_token},
};
use crate::{
    app::App,
    domain::Secret,
    error::{Error, ErrorKind},
    hub::repositories::Access,
};

/// Bytes of a form.
const FORM_BYTES: usize = 64 << 10;

pub(super) async fn handle(State(app): State<App>, RawQuery(query): RawQuery, request: Request) -> Response {
    let answer = if request.method() == Method::POST {
        post(&app, request).await
    } else {
        get(&app, &query.unwrap_or_default(), request.headers()).await
    };
    answer.unwrap_or_else(OciError::into_response)
}

async fn get(app: &App, query: &str, headers: &HeaderMap) -> Answer {
    let fields = read(query.as_bytes());
    let comer = Comer::of(app, headers).await?;
    let scopes = values(&fields, "scope");
    issue(app, &comer, &scopes, None).await
}

async fn post(app: &App, request: Request) -> Answer {
    let read_timeout = app.settings().server.read_timeout.0;
    let body = axum::body::to_bytes(request.into_body(), FORM_BYTES);
    let body = tokio::time::timeout(read_timeout, body).await;
    let body = body.ok().and_then(Result::ok).ok_or_else(|| {
        Error::invalid("form", "The form of this request cannot be read.", "Send a form of at most 64 KiB.")
    })?;
    let fields = read(&body);
    let field = |name: &str| values(&fields, name).into_iter().next().unwrap_or_default();
    let visitor = match field("grant_type") {
        "refresh_token" => by_token(app, Secret::new(field("refresh_token"))).await?,
        "password" => by_password(app, field("username"), Secret::new(field("password"))).await?,
        _ => {
            return Err(Error::invalid(
                "grant_type",
                "There is no such kind of grant.",
                "Send `grant_type=refresh_token` or `grant_type=password`.",
            )
            .into());
        }
    };
    // A password that is an access token serves as an identity token as it is.
    let keeps =
        (field("grant_type") == "password" && visitor.caller.user().is_some()).then(|| field("password"));
    let comer = Comer { visitor, brought_something: true };
    issue(app, &comer, &values(&fields, "scope"), keeps).await
}

async fn issue(app: &App, comer: &Comer, scopes: &[&str], refresh_token: Option<&str>) -> Answer {
    if comer.visitor.access.is_some() {
        let cause = "A token of the registry gives no other token.";
        let remedy = "Bring an access token, or name and password.";
        return Err(Error::new(ErrorKind::Unauthenticated, "token_refused", cause, remedy).into());
    }
    let asked: Vec<Access> = scopes.iter().flat_map(|text| text.split(' ')).filter_map(scope).collect();
    let issued = app.hub().issue_registry_token(&comer.visitor, &asked).await?;
    let granted: Vec<String> = issued
        .access
        .iter()
        .filter(|one| !one.actions.is_empty())
        .map(|one| format!("repository:{}:{}", one.name, one.actions.join(",")))
        .collect();
    let at = DateTime::from_timestamp(issued.issued_at, 0).unwrap_or_default();
    let mut body = json!({
        "token": issued.text,
        "access_token": issued.text,
        "expires_in": issued.expires_in,
        "issued_at": at.to_rfc3339_opts(SecondsFormat::Secs, true),
        "scope": granted.join(" "),
    });
    if let Some(token) = refresh_token {
        body["refresh_token"] = token.into();
    }
    let mut response = Json(body).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// `repository:<name>:<actions>`; names may hold colons, so it is read from both ends.
fn scope(text: &str) -> Option<Access> {
    let (kind, rest) = text.split_once(':')?;
    let (name, actions) = rest.rsplit_once(':')?;
    (kind == "repository")
        .then(|| Access { name: name.to_owned(), actions: actions.split(',').map(str::to_owned).collect() })
}

fn read(text: &[u8]) -> Vec<(String, String)> {
    form_urlencoded(text)
}

fn values<'a>(fields: &'a [(String, String)], name: &str) -> Vec<&'a str> {
    fields.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_str()).collect()
}

/// The pairs of a form or a query; what is no UTF-8 is replaced.
pub(super) fn form_urlencoded(text: &[u8]) -> Vec<(String, String)> {
    let decode = |part: &[u8]| {
        let spaced: Vec<u8> = part.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
        percent_encoding::percent_decode(&spaced).decode_utf8_lossy().into_owned()
    };
    text.split(|byte| *byte == b'&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| match pair.iter().position(|byte| *byte == b'=') {
            Some(at) => {
                (decode(pair.get(..at).unwrap_or_default()), decode(pair.get(at + 1..).unwrap_or_default()))
            }
            None => (decode(pair), String::new()),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_read_from_both_ends() {
        let read = scope("repository:hub.example.com:5000/a/b:pull,push").unwrap();
        assert_eq!((read.name.as_str(), read.actions.len()), ("hub.example.com:5000/a/b", 2));
        assert!(scope("registry:catalog:*").is_none() && scope("repository").is_none());
    }

    #[test]
    fn forms_are_read_as_docker_writes_them() {
        let fields = form_urlencoded(b"scope=repository%3Aa%2Fb%3Apull+x&empty=&a=b=c&&lone");
        let pairs: Vec<(&str, &str)> = fields.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        assert_eq!(pairs, [("scope", "repository:a/b:pull x"), ("empty", ""), ("a", "b=c"), ("lone", "")]);
    }
}
