//! `executor.getPackage`: what a pull needs to know (PROTOCOL.md B): by GET query (jina 2.7–3.1) or POST JSON (3.2 on).

use std::{borrow::Cow, collections::BTreeMap};

use axum::{
    body::Bytes,
    extract::State,
    http::{HeaderMap, HeaderValue, Method, header},
    response::{IntoResponse as _, Response},
};
use serde::Serialize;

use crate::{
    app::App,
    domain::{ExecutorName, Secret, Visibility},
    error::Error,
    http::{
        caller, packages, pull,
        v2::{
            error::RpcError,
            executor::repeated::{self, Question, Repeated},
            parameters::Parameters,
        },
    },
    hub::pull::{Pull, Pulled},
};

/// Most answers fit.
const USUAL_BYTES: usize = 1000;

pub(in crate::http::v2) async fn handle(
    repeated: &Repeated,
    State(app): State<App>,
    method: Method,
    headers: HeaderMap,
    parameters: Parameters,
) -> Result<Response, RpcError> {
    let (credentials, now) = (caller::credentials(&headers), app.now());
    // Counted first: what changes from now on may be missing from the answer.
    let asked = app.hub().public_changes().zip(Question::of(&credentials, &parameters, &method));
    if let Some((changes, question)) = &asked
        && let Some(answer) = repeated.recall(question, *changes, now)
    {
        app.hub().count_pull(&answer.executor);
        return Ok(json(answer.body));
    }
    let caller = app.auth().caller(&credentials).await?;
    let pull = read(&parameters)?;
    let pulled = app.hub().pull(&caller, &pull).await?;
    app.hub().count_pull(&pulled.executor.id);
    // jina 2.7 and 3.0 break on an empty list, 3.1 wants an image even for source: they all ask by GET.
    let must_name_image = method == Method::GET;
    let commit_id = pulled.commit.id.to_string();
    // With room from the start: one that grows while it is written is moved several times.
    let mut body = Vec::with_capacity(USUAL_BYTES);
    serde_json::to_writer(&mut body, &answer(&app, &pulled, &commit_id, must_name_image))
        .map_err(Error::internal)?;
    let body = Bytes::from(body);
    if let Some((changes, question)) = asked
        && pulled.executor.visibility == Visibility::Public
    {
        let answer = repeated::Answer { executor: pulled.executor.id.clone(), body: body.clone() };
        repeated.keep(question, changes, now, answer);
    }
    Ok(json(body))
}

fn json(body: Bytes) -> Response {
    ([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], body).into_response()
}

fn read(parameters: &Parameters) -> Result<Pull, Error> {
    let id = parameters.required("id")?;
    let (reference, tag) = pull::reference(&id, parameters.text("tag").as_deref())?;
    Ok(Pull {
        reference,
        tag,
        secret: parameters.text("secret").map(Secret::new),
        platform: parameters.text("preferPlatform"),
    })
}

/// The answer, typed: no other is asked for as often, and a tree of JSON values costs as much as the rest of it.
#[derive(Serialize)]
struct Answer<'a> {
    code: u16,
    status: u32,
    data: Data<'a>,
}

#[derive(Serialize)]
struct Data<'a> {
    id: &'a str,
    _id: &'a str,
    visibility: &'static str,
    // These two are left out rather than null, as in `wire::head`.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    owner: Option<OwnerObject<'a>>,
    commit: CommitObject<'a>,
    sn: i64,
    package: PackageObject<'a>,
}

#[derive(Serialize)]
struct OwnerObject<'a> {
    _id: String,
    name: &'a str,
}

#[derive(Serialize)]
struct CommitObject<'a> {
    id: &'a str,
    _id: &'a str,
    tags: &'a [String],
    #[serde(rename = "commitParams")]
    parameters: CommitParameters<'a>,
    #[serde(rename = "createdAt")]
    created_at: String,
}

#[derive(Serialize)]
struct CommitParameters<'a> {
    /// Names only: clients ask the puller for the values (PROTOCOL.md K).
    #[serde(rename = "buildEnv")]
    build_env: BTreeMap<&'a str, &'static str>,
}

#[derive(Serialize)]
struct PackageObject<'a> {
    download: String,
    md5: String,
    sha256: String,
    containers: Cow<'a, [String]>,
}

fn answer<'a>(app: &App, pulled: &'a Pulled, commit_id: &'a str, must_name_image: bool) -> Answer<'a> {
    let Pulled { executor, commit, tags, package, images, .. } = pulled;
    let must_make_up = images.is_empty() && must_name_image;
    let containers = if must_make_up { vec![pull::image(pulled)].into() } else { images.as_slice().into() };
    let build_env = commit.build_env_names.iter().map(|name| (name.as_str(), "")).collect();
    Answer {
        code: 200,
        status: 20000,
        data: Data {
            id: executor.id.as_str(),
            _id: executor.id.as_str(),
            visibility: executor.visibility.as_str(),
            name: executor.name.as_ref().map(ExecutorName::as_str),
            owner: executor
                .owner
                .as_ref()
                .map(|owner| OwnerObject { _id: owner.id.to_string(), name: owner.login.as_str() }),
            commit: CommitObject {
                id: commit_id,
                _id: commit_id,
                tags,
                parameters: CommitParameters { build_env },
                created_at: commit.created_at.to_rfc3339(),
            },
            sn: pull::serial_number(commit),
            package: PackageObject {
                download: packages::address(&app.settings().server.external_url, package),
                md5: commit.package_md5.to_string(),
                sha256: commit.package_sha256.to_string(),
                containers,
            },
        },
    }
}
