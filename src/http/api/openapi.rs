//! What does the document of the API say besides its routes? Its title, how to sign in, and what errors look like.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::{
    IntoResponses, Modify, OpenApi, ToSchema,
    openapi::{
        Content, Ref, RefOr, Response, ResponseBuilder,
        security::{Http, HttpAuthScheme, SecurityScheme},
    },
};
use utoipa_axum::router::OpenApiRouter;

use crate::app::App;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Executor Hub",
        version = "1",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
        description = "Executors, their commits, tags and builds, for scripts and programs.\n\n\
            Lists are cut into pages: `next_cursor` of one is `cursor` of the next. Answers carry an `ETag`; sent back in \
            `If-None-Match` they are answered with 304 while nothing changed. An Executor is named by `owner%2Fname`, by \
            a bare name, or by its 8-character id. Errors are problem details (RFC 9457) with a stable `code`. What a \
            caller may not know of is answered as what is not there.",
    ),
    components(schemas(ProblemDetails)),
    modifiers(&Security),
    security((), ("token" = [])),
    tags(
        (name = "executors", description = "Find, show, publish and change Executors"),
        (name = "tasks", description = "Builds and their events"),
        (name = "tokens", description = "Personal access tokens of whoever asks"),
        (name = "access", description = "Whom the owner of an Executor lets in, and its secret"),
        (name = "teams", description = "People under one name"),
        (name = "audit", description = "Who did what, for admins"),
        (name = "people", description = "Accounts, for admins"),
    ),
)]
struct Head;

struct Security;

impl Modify for Security {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let scheme = Http::builder()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some("A personal access token or a session token of this Hub."))
            .build();
        if let Some(components) = &mut document.components {
            components.add_security_scheme("token", SecurityScheme::Http(scheme));
        }
    }
}

/// A router that knows the head of the document.
pub(super) fn head() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(Head::openapi())
}

/// The document as JSON text that ends with a line end: what is served, and what lies in the tree as `docs/openapi.json`.
pub fn document() -> Result<String, serde_json::Error> {
    let (_, document) = super::documented().split_for_parts();
    Ok(format!("{}\n", serde_json::to_string_pretty(&document)?))
}

/// An error, as problem details.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub(super) struct ProblemDetails {
    /// A URN that ends with the code.
    r#type: String,
    /// One sentence of cause.
    title: String,
    /// The status of the answer.
    status: u16,
    /// A stable word for programs, such as `executor_not_found`.
    code: String,
    /// One sentence of remedy; empty when there is none to give.
    remedy: String,
    /// What to give to the Hub's operator.
    request_id: Option<String>,
}

/// What may go wrong with whatever is asked.
pub(super) struct ReadProblems;

/// What may go wrong with changes besides.
pub(super) struct WriteProblems;

impl IntoResponses for ReadProblems {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        problems(&[
            ("400", "A parameter is unknown or malformed"),
            ("401", "The token is not good, or one is needed"),
            ("403", "Not allowed to this caller"),
            ("404", "Not there, or not to be known of by this caller"),
            ("429", "Too many requests"),
            ("500", "A fault of the Hub"),
            ("503", "A part of the Hub does not answer; worth another try"),
        ])
    }
}

impl IntoResponses for WriteProblems {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let mut responses = ReadProblems::responses();
        responses.extend(problems(&[
            ("412", "It is not any more as the caller saw it"),
            ("409", "A rule stands against it, such as a protected tag"),
            ("413", "Too many bytes"),
            ("422", "The package or a name cannot be accepted"),
        ]));
        responses
    }
}

fn problems(all: &[(&str, &str)]) -> BTreeMap<String, RefOr<Response>> {
    let response = |description: &str| {
        let content = Content::new(Some(Ref::from_schema_name("Problem")));
        ResponseBuilder::new()
            .description(description)
            .content("application/problem+json", content)
            .build()
            .into()
    };
    all.iter().map(|(status, description)| ((*status).to_owned(), response(description))).collect()
}
