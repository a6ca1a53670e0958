//! What does a push form say? Its fields as every generation since 2.7 fills them (PROTOCOL.md B–D).

use axum::http::HeaderMap;

use super::push::Method;
use crate::{
    domain::{BuildEnv, Secret, Tag, Visibility},
    error::Error,
    http::v2::{parameters::Parameters, wire},
    hub::publish::{Push, Target},
};

/// The fields of a push.
pub(super) struct PushForm<'a> {
    parameters: &'a Parameters,
    headers: &'a HeaderMap,
}

impl<'a> PushForm<'a> {
    pub(super) fn new(parameters: &'a Parameters, headers: &'a HeaderMap) -> Self {
        Self { parameters, headers }
    }

    /// The push that they ask for.
    pub(super) fn read(&self, method: Method) -> Result<Push, Error> {
        let parameters = self.parameters;
        let build_env = BuildEnv::parse(&parameters.json_text("buildEnv")).map_err(|reason| {
            Error::invalid("build_env", format!("{reason}."), "Correct `--build-env` and push again.")
        })?;
        let platforms = parameters.comma_list("platform");
        Ok(Push {
            target: self.target(method)?,
            visibility: self.visibility()?,
            tags: self.tags("tags")?,
            protected_tags: self.tags("immutableTags")?,
            dockerfile: parameters.text("dockerfile"),
            build_env,
            platforms: platforms
                .split(',')
                .map(str::trim)
                .filter(|p| !p.is_empty())
                .map(str::to_owned)
                .collect(),
            no_cache: parameters.flag("buildWithNoCache"),
            client: wire::client_facts(self.headers),
        })
    }

    /// An `id` makes it an update, also with `create`: jina ≤ 3.3 calls that when `--force` comes without a secret.
    fn target(&self, method: Method) -> Result<Target, Error> {
        let id = self.parameters.text("id");
        let secret = self.parameters.text("secret").map(Secret::new);
        let bad = |reason: crate::domain::name::InvalidName| {
            Error::invalid(
                "executor_reference",
                format!(
                    "'{}' names no Executor: {reason}.",
                    id.as_deref()
                        .unwrap_or_default()
                        .chars()
                        .take(64)
                        .filter(|c| !c.is_control())
                        .collect::<String>()
                ),
                "Use its name or its 8-character id.",
            )
        };
        match (method, &id) {
            (Method::Push, None) => Ok(Target::Own { name: None }),
            (Method::Push, Some(name)) => Ok(Target::Own { name: Some(name.trim().parse().map_err(bad)?) }),
            (Method::Create | Method::Update, Some(id)) => {
                Ok(Target::Existing { reference: id.parse().map_err(bad)?, secret })
            }
            (Method::Create, None) => Ok(Target::New { secret }),
            (Method::Update, None) => Err(Error::invalid(
                "parameter_missing",
                "An update needs the parameter 'id'.",
                "Push with `--force-update NAME`.",
            )),
        }
    }

    /// Both flags are always sent; both false mean that nothing was said.
    fn visibility(&self) -> Result<Option<Visibility>, Error> {
        match (self.parameters.flag("public"), self.parameters.flag("private")) {
            (false, false) => Ok(None),
            (true, false) => Ok(Some(Visibility::Public)),
            (false, true) => Ok(Some(Visibility::Private)),
            (true, true) => Err(Error::invalid(
                "visibility",
                "An Executor cannot be both public and private.",
                "Use `--public` or `--private`.",
            )),
        }
    }

    fn tags(&self, field: &str) -> Result<Vec<Tag>, Error> {
        Tag::parse_list(&self.parameters.comma_list(field)).map_err(|(text, reason)| {
            let text: String = text.chars().filter(|c| !c.is_control()).take(128).collect();
            Error::invalid("tag", format!("'{text}' is no tag: {reason}."), "Choose another tag.")
        })
    }
}
