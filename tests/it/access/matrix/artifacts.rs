//! The same for artifacts: on every route that names one, by everybody, public, private and never there.

use executor_hub::{
    auth::policy::ArtifactAction,
    http::routes::{Declared, Needs},
};
use http::Method;
use serde_json::json;

use super::{
    Must::{self, AskWho, Fail, Hide, Work},
    cast::{Cast, Who},
    method, table, without_names,
};
use crate::support::client::Answer;

const MISSING: &str = "0193c0de000070008000000000000000";

/// Who, and what reading and changing must come to: a public artifact of Alice's, then a private one. Nobody but her changes
/// one, and who did not sign in is asked to, whatever there is.
const EXPECTED: &[(Who, [Must; 2], [Must; 2])] = &[
    (Who::Anonymous, [Work, AskWho], [Hide, AskWho]),
    (Who::Stranger, [Work, Fail], [Hide, Hide]),
    (Who::Owner, [Work, Work], [Work, Work]),
    (Who::TeamAdmin, [Work, Fail], [Hide, Hide]),
    (Who::ExMember, [Work, Fail], [Hide, Hide]),
    (Who::HubAdmin, [Work, Fail], [Work, Fail]),
    (Who::Expired, [AskWho, AskWho], [AskWho, AskWho]),
    (Who::Revoked, [AskWho, AskWho], [AskWho, AskWho]),
];

async fn stored(cast: &Cast, public: &str) -> String {
    let fields = [("public", public)];
    let owner = cast.client(Who::Owner);
    let answer = owner.push_to(Method::POST, "/v2/rpc/artifact.upload", &fields, b"some bytes").await;
    answer.json()["data"]["_id"].as_str().unwrap().to_owned()
}

async fn ask(cast: &Cast, route: &Declared, who: Who, id: &str) -> Answer {
    let (client, verb) = (cast.client(who), method(route.verb));
    if verb == Method::GET {
        return client.get(&format!("{}?id={id}", route.path)).await;
    }
    let body = json!({"id": id, "ids": [id], "metaData": {"a": 1}}).to_string().into_bytes();
    client.send(verb, &route.path, &[("content-type", "application/json")], body).await
}

#[tokio::test]
async fn the_matrix_of_artifacts_holds_on_every_route() {
    let cast = Cast::assemble().await;
    let (mut wrong, mut asked) = (Vec::new(), 0);
    for route in table(&cast.hub) {
        let Needs::Artifact(action) = route.needs else { continue };
        let column = usize::from(action == ArtifactAction::Write);
        for (who, public, private) in EXPECTED {
            let missing = ask(&cast, &route, *who, MISSING).await;
            for (flag, must) in [("True", public[column]), ("False", private[column])] {
                let id = stored(&cast, flag).await;
                let answer = ask(&cast, &route, *who, &id).await;
                asked += 1;
                let (said, nothing) = (without_names(&answer, &id), without_names(&missing, MISSING));
                let is = match must {
                    Work => answer.status.is_success() && said != nothing,
                    Fail => answer.status == 403,
                    Hide => said == nothing,
                    AskWho => answer.status == 401 && missing.status == 401,
                };
                if !is {
                    let (verb, path) = (route.verb.as_str(), &route.path);
                    wrong.push(format!("{verb} {path} {who:?} public={flag} must {must:?}: {said}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {asked}:\n{}", wrong.len(), wrong.join("\n"));
    assert!(asked > 150, "{asked}");
}
