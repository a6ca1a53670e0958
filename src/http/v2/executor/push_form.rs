//! What does a push form say? Its fields as every generation since 2.7 fills them (PROTOCOL.md B–D).

use axum::http::HeaderMap;

use super::push::Method;
use crate::{
    domain::{BuildEnv, Secret},
    error::Error,
    http::{
        push::{self, PushFields},
        v2::parameters::Parameters,
    },
    hub::publish::{Push, Target},
};

/// The fields of a push.
pub(super) struct PushForm<'a> {
    pub(super) method: Method,
    pub(super) parameters: Parameters,
    pub(super) headers: &'a HeaderMap,
}

impl PushFields for PushForm<'_> {
    fn add(&mut self, name: String, text: String) {
        self.parameters.add(name, text);
    }

    fn claimed_md5(&self) -> Option<String> {
        self.parameters.text("md5sum")
    }

    fn read(&self) -> Result<Push, Error> {
        let parameters = &self.parameters;
        let build_env = BuildEnv::parse(&parameters.json_text("buildEnv")).map_err(|reason| {
            Error::invalid("build_env", format!("{reason}."), "Correct `--build-env` and push again.")
        })?;
        let platforms = parameters.comma_list("platform");
        Ok(Push {
            target: self.target()?,
            visibility: push::visibility(parameters.flag("public"), parameters.flag("private"))?,
            tags: push::tags(&parameters.comma_list("tags"))?,
            protected_tags: push::tags(&parameters.comma_list("immutableTags"))?,
            dockerfile: parameters.text("dockerfile"),
            build_env,
            platforms: push::platforms(&platforms)?,
            no_cache: parameters.flag("buildWithNoCache"),
            client: push::client_facts(self.headers),
        })
    }
}

impl PushForm<'_> {
    /// An `id` makes it an update, also with `create`: jina ≤ 3.3 calls that when `--force` comes without a secret.
    fn target(&self) -> Result<Target, Error> {
        let id = self.parameters.text("id");
        let secret = self.parameters.text("secret").map(Secret::new);
        match (self.method, id) {
            (Method::Push, None) => Ok(Target::Own { name: None }),
            // Somebody else's, to which they are let in: without a slash it is always their own.
            (Method::Push, Some(id)) if id.contains('/') => {
                Ok(Target::Existing { reference: push::reference(&id)?, secret })
            }
            (Method::Push, Some(name)) => Ok(Target::Own { name: Some(push::reference(&name)?) }),
            (Method::Create | Method::Update, Some(id)) => {
                Ok(Target::Existing { reference: push::reference(&id)?, secret })
            }
            (Method::Create, None) => Ok(Target::New { secret }),
            (Method::Update, None) => Err(Error::invalid(
                "parameter_missing",
                "An update needs the parameter 'id'.",
                "Push with `--force-update NAME`.",
            )),
        }
    }
}
