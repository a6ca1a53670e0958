//! `POST /api/v1/executors` and `…/{executor}/commits`: a package as the body, or in a form; received while it comes.

use axum::{
    Json,
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::wire::VisibilityWord;
use crate::{
    app::App,
    domain::{BuildEnv, Visibility},
    error::Error,
    http::{
        api::{
            ask::{self, Asker, Named, Parameters},
            openapi::WriteProblems,
        },
        problem::Problem,
        push::{self, PushFields},
        upload,
    },
    hub::publish::{Accepted, Push, Target},
};

/// What a push says; each of these may be a field of the form as well.
#[derive(Debug, Clone, Default, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::http::api) struct PublishRequest {
    /// Tags, with commas between them; `latest` when nothing is said.
    tags: Option<String>,
    /// Tags to set for good, with commas between them.
    protected_tags: Option<String>,
    /// Left as it is when nothing is said; a new Executor is then public.
    visibility: Option<VisibilityWord>,
    /// Which file of the package to build with.
    dockerfile: Option<String>,
    /// Platforms to build for, with commas between them; the engine's own when nothing is said.
    platforms: Option<String>,
    /// Whether to build without cached layers.
    no_cache: Option<bool>,
    /// The package's MD5 in hexadecimal digits, to find damage on the way.
    md5: Option<String>,
}

/// A form with a package.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "says what the form may hold")]
pub(in crate::http::api) struct PublishForm {
    /// The zip.
    #[schema(value_type = String, format = Binary)]
    file: Vec<u8>,
    /// Build variables as a JSON object of names and texts.
    build_env: Option<String>,
    tags: Option<String>,
    protected_tags: Option<String>,
    visibility: Option<VisibilityWord>,
    dockerfile: Option<String>,
    platforms: Option<String>,
    no_cache: Option<bool>,
    md5: Option<String>,
}

/// A push that was accepted: nothing can lose it any more.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http::api) struct Published {
    /// The Executor's 8-character id.
    executor: String,
    name: Option<String>,
    owner: Option<String>,
    /// As it is, or will be once the commit can be pulled.
    visibility: VisibilityWord,
    commit: String,
    /// The build to follow: `/api/v1/tasks/{task}/events`.
    task: Option<String>,
    tags: Vec<String>,
    /// Whether the commit can be pulled only after its image is built.
    awaits_build: bool,
    /// The secret of a new Executor without an owner: shown here and never again.
    secret: Option<String>,
    /// What its author should know, one sentence each.
    warnings: Vec<String>,
}

/// Publish a package under the name that it has
///
/// The caller's own Executor of that name gets a new commit, or is created. Without a token it is created for nobody, and
/// the answer holds the secret that updates it.
#[utoipa::path(
    post,
    path = "/api/v1/executors",
    tag = "executors",
    operation_id = "publishExecutor",
    params(PublishRequest),
    request_body(description = "The zip, or a form with it", content(
        (inline(String) = "application/zip"),
        (PublishForm = "multipart/form-data"),
    )),
    responses((status = 202, description = "Accepted", body = Published), WriteProblems)
)]
pub(in crate::http::api) async fn create(
    State(app): State<App>,
    asker: Result<Asker, Problem>,
    said: Result<Parameters<PublishRequest>, Problem>,
    request: Request,
) -> Result<Response, Problem> {
    let decide = || -> Result<_, Problem> {
        let Asker(caller) = asker?;
        let target = match caller.user() {
            Some(_) => Target::Own { name: None },
            None => Target::New { secret: None },
        };
        app.hub().check_maker(&caller, &target)?;
        Ok((target, said?.0))
    };
    let decided = decide();
    receive(&app, decided, request).await
}

/// Publish a new commit of an Executor
#[utoipa::path(
    post,
    path = "/api/v1/executors/{executor}/commits",
    tag = "executors",
    operation_id = "publishCommit",
    params(
        ask::ExecutorPath,
        ("X-Executor-Secret" = Option<String>, Header, description = "Its secret, for those who do not own it"),
        PublishRequest,
    ),
    request_body(description = "The zip, or a form with it", content(
        (inline(String) = "application/zip"),
        (PublishForm = "multipart/form-data"),
    )),
    responses((status = 202, description = "Accepted", body = Published), WriteProblems)
)]
pub(in crate::http::api) async fn add(
    State(app): State<App>,
    asker: Result<Asker, Problem>,
    named: Result<Named, Problem>,
    said: Result<Parameters<PublishRequest>, Problem>,
    request: Request,
) -> Result<Response, Problem> {
    let decide = || -> Result<_, Problem> {
        asker?;
        let Named(reference) = named?;
        Ok((Target::Existing { reference, secret: ask::secret(request.headers()) }, said?.0))
    };
    let decided = decide();
    receive(&app, decided, request).await
}

async fn receive(
    app: &App,
    decided: Result<(Target, PublishRequest), Problem>,
    request: Request,
) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let (target, said) = match decided {
        Ok(decided) => decided,
        Err(problem) => return Err(refuse(problem, body).await),
    };
    let headers = parts.headers.clone();
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let mut fields = Fields { said, build_env: None, unknown: None, target, headers: &headers };
    let accepted = match content_type.and_then(|text| text.split(';').next()).unwrap_or_default().trim() {
        "multipart/form-data" => push::receive(app, &parts, body, &mut fields).await?,
        "application/zip" | "application/octet-stream" => {
            let push = match fields.read() {
                Ok(push) => push,
                Err(error) => return Err(refuse(error, body).await),
            };
            push::receive_bare(app, &parts, push, body, fields.claimed_md5()).await?
        }
        _ => {
            let remedy = "Send it as application/zip, or in multipart/form-data as the part 'file'.";
            let error = Error::invalid("content_type", "The body is not declared as a package.", remedy);
            return Err(refuse(error, body).await);
        }
    };
    Ok(answer(accepted))
}

/// What is refused is read first, because a client that is still sending sees a broken connection instead of the answer.
async fn refuse(problem: impl Into<Problem>, body: Body) -> Problem {
    let problem = problem.into();
    upload::drain(body.into_data_stream()).await;
    problem
}

fn answer(accepted: Accepted) -> Response {
    let location = accepted.task.map(|task| format!("/api/v1/tasks/{task}"));
    let published = Published {
        executor: accepted.executor.id.to_string(),
        name: accepted.executor.name.map(|name| name.to_string()),
        owner: accepted.executor.owner.map(|owner| owner.login.to_string()),
        visibility: accepted.visibility.into(),
        commit: accepted.commit.to_string(),
        task: accepted.task.map(|task| task.to_string()),
        tags: accepted.tags.iter().map(ToString::to_string).collect(),
        awaits_build: accepted.awaits_build,
        secret: accepted.secret.map(|secret| secret.expose().to_owned()),
        warnings: accepted.warnings,
    };
    let mut response = (StatusCode::ACCEPTED, Json(published)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(Ok(location)) = location.map(HeaderValue::try_from) {
        headers.insert(header::LOCATION, location);
    }
    response
}

/// The fields of a push, from query and form.
struct Fields<'a> {
    said: PublishRequest,
    build_env: Option<String>,
    unknown: Option<String>,
    target: Target,
    headers: &'a HeaderMap,
}

impl PushFields for Fields<'_> {
    fn add(&mut self, name: String, text: String) {
        let said = &mut self.said;
        match name.as_str() {
            "tags" => said.tags = Some(text),
            "protected_tags" => said.protected_tags = Some(text),
            "dockerfile" => said.dockerfile = Some(text),
            "platforms" => said.platforms = Some(text),
            "md5" => said.md5 = Some(text),
            "build_env" => self.build_env = Some(text),
            "visibility" if text == "public" => said.visibility = Some(VisibilityWord::Public),
            "visibility" if text == "private" => said.visibility = Some(VisibilityWord::Private),
            "no_cache" if matches!(text.as_str(), "true" | "false") => said.no_cache = Some(text == "true"),
            _ => self.unknown = Some(name),
        }
    }

    fn claimed_md5(&self) -> Option<String> {
        self.said.md5.clone()
    }

    fn read(&self) -> Result<Push, Error> {
        if let Some(name) = &self.unknown {
            let name: String = name.chars().filter(|c| !c.is_control()).take(64).collect();
            let cause = format!("The field '{name}' is unknown or malformed.");
            return Err(Error::invalid("field", cause, "Check the fields of the form."));
        }
        let list = |text: &Option<String>| push::tags(text.as_deref().unwrap_or_default());
        let build_env = self.build_env.as_deref().unwrap_or_default();
        Ok(Push {
            target: self.target.clone(),
            visibility: self.said.visibility.map(Visibility::from),
            tags: list(&self.said.tags)?,
            protected_tags: list(&self.said.protected_tags)?,
            dockerfile: self.said.dockerfile.clone().filter(|text| !text.is_empty()),
            build_env: BuildEnv::parse(build_env).map_err(|reason| {
                Error::invalid("build_env", format!("{reason}."), "Correct it and push again.")
            })?,
            platforms: push::platforms(self.said.platforms.as_deref().unwrap_or_default())?,
            no_cache: self.said.no_cache.unwrap_or(false),
            client: push::client_facts(self.headers),
        })
    }
}
