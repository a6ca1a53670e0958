//! What does Docker get for its name and password? A token that says who was there and what they asked for, signed, for a
//! few minutes. It grants nothing by itself: whoever brings it may do what its owner may do at that moment, and of that no
//! more than it says.

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use serde::{Deserialize, Serialize};

use super::{
    Hub,
    repositories::{Access, Closed, Proof, Visitor, word},
};
use crate::{
    auth::{Caller, policy::Action},
    domain::{ExecutorId, TokenId, image::RepositoryName},
    error::Error,
    store,
};

/// Repositories that one token may be for; Docker asks for two at most.
const MOST_SCOPES: usize = 16;

/// A token for somebody.
#[derive(Debug)]
pub struct IssuedToken {
    /// Its text.
    pub text: String,
    /// How long it works, in seconds.
    pub expires_in: i64,
    /// When it was made, in seconds since 1970.
    pub issued_at: i64,
    /// What it is for: of what was asked, what they may do.
    pub access: Vec<Access>,
}

/// What a token says, in the words of Docker's own.
#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    iss: String,
    sub: Subject,
    iat: i64,
    exp: i64,
    access: Vec<ClaimedAccess>,
}

#[derive(Debug, Serialize, Deserialize)]
struct ClaimedAccess {
    #[serde(rename = "type")]
    kind: String,
    name: String,
    actions: Vec<String>,
}

/// Who was there.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Subject {
    /// Anybody.
    Anonymous,
    /// The owner of an access token, by that token's row.
    Token(TokenId),
    /// Somebody who knew an Executor's secret.
    Secret { executor: ExecutorId, key: String },
}

const HEADER: &str = r#"{"alg":"HS256","typ":"JWT"}"#;
const ISSUER: &str = "executor-hub";

impl Hub {
    /// A token for a visitor, for those of the asked-for actions that they may do now.
    pub async fn issue_registry_token(
        &self,
        visitor: &Visitor,
        asked: &[Access],
    ) -> Result<IssuedToken, Error> {
        let mut access = Vec::new();
        for one in asked.iter().take(MOST_SCOPES) {
            let actions = self.allowed(visitor, one).await?;
            access.push(Access { name: one.name.clone(), actions });
        }
        let life = self.0.rules.registry_token_life.num_seconds();
        let issued_at = self.0.clock.now().timestamp();
        let claims = Claims {
            iss: ISSUER.to_owned(),
            sub: match (&visitor.caller, &visitor.proof) {
                (Caller::Person { token, .. }, _) => Subject::Token(*token),
                (Caller::Anonymous, Proof::Known { executor, key }) => {
                    Subject::Secret { executor: executor.clone(), key: key.clone() }
                }
                (Caller::Anonymous, Proof::Nothing | Proof::Secret(_)) => Subject::Anonymous,
            },
            iat: issued_at,
            exp: issued_at + life,
            access: access
                .iter()
                .map(|Access { name, actions }| ClaimedAccess {
                    kind: "repository".to_owned(),
                    name: name.clone(),
                    actions: actions.clone(),
                })
                .collect(),
        };
        let claims = serde_json::to_string(&claims).map_err(Error::internal)?;
        let encode = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
        let signed = format!("{}.{}", encode(HEADER.as_bytes()), encode(claims.as_bytes()));
        let signature = encode(&self.0.keys.sign_registry_token(&signed));
        Ok(IssuedToken { text: format!("{signed}.{signature}"), expires_in: life, issued_at, access })
    }

    /// Of the actions that were asked for, those that the visitor may do.
    async fn allowed(&self, visitor: &Visitor, asked: &Access) -> Result<Vec<String>, Error> {
        let Ok(name) = asked.name.parse::<RepositoryName>() else { return Ok(Vec::new()) };
        let wants = |action| asked.actions.iter().any(|text| text == "*" || text == word(action));
        let mut actions = Vec::new();
        for action in [Action::Read, Action::Push, Action::ChangeTags] {
            if !wants(action) {
                continue;
            }
            match self.open_repository(visitor, &name, action).await {
                Ok(_) => actions.push(word(action).to_owned()),
                Err(Closed::Failed(error)) => return Err(error),
                Err(Closed::Scope | Closed::Hidden | Closed::Forbidden) => {}
            }
        }
        Ok(actions)
    }

    /// Whether a text has the form of such a token, and so is none of the other kinds.
    pub fn is_registry_token(text: &str) -> bool {
        text.split('.').count() == 3
    }

    /// Whoever brings this token. One that is not ours, is over, or whose owner's access token is gone is an error, never an
    /// anonymous visitor.
    pub async fn visitor_of_token(&self, text: &str) -> Result<Visitor, Error> {
        let refused = || Error::sign_in_required(true);
        let claims = self.read_token(text).ok_or_else(refused)?;
        if claims.iss != ISSUER || claims.exp <= self.0.clock.now().timestamp() {
            return Err(refused());
        }
        let (caller, proof) = match claims.sub {
            Subject::Anonymous => (Caller::Anonymous, Proof::Nothing),
            Subject::Secret { executor, key } => (Caller::Anonymous, Proof::Known { executor, key }),
            Subject::Token(token) => {
                let mut connection = self.0.store.read().await?;
                let found = store::tokens::find_live(&mut connection, token, self.0.clock.now()).await?;
                let found = found.ok_or_else(refused)?;
                let user = Box::new(found.user);
                (Caller::Person { user, token, power: found.power }, Proof::Nothing)
            }
        };
        let access =
            claims.access.into_iter().map(|one| Access { name: one.name, actions: one.actions }).collect();
        Ok(Visitor { caller, proof, access: Some(access) })
    }

    fn read_token(&self, text: &str) -> Option<Claims> {
        let (signed, signature) = text.rsplit_once('.')?;
        let signature = BASE64_URL_SAFE_NO_PAD.decode(signature).ok()?;
        if !self.0.keys.registry_signature_fits(signed, &signature) {
            return None;
        }
        let (_, claims) = signed.split_once('.')?;
        serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(claims).ok()?).ok()
    }
}
