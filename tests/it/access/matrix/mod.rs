//! Who may do what, on every route: the requests are made from the table of routes, and what they must come to is data. A
//! route without a row here fails, and so does a row without a route.

mod artifacts;
mod calls;
mod cast;
mod spellings;

use std::collections::BTreeSet;

use executor_hub::{
    auth::policy::Action,
    http::routes::{Declared, Needs, Verb},
};

use self::{
    calls::{CALLS, Call, call_of, name_of},
    cast::{Cast, THINGS, Thing, WHO, Who},
};
use crate::support::client::Answer;

/// What a request must come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Must {
    /// It is done.
    Work,
    /// They see the thing and may not do that.
    Fail,
    /// Byte for byte as if there were nothing.
    Hide,
    /// The answer asks to sign in, whatever there is.
    AskWho,
}

use Must::{AskWho, Fail, Hide, Work};

/// Who, and what reading, following builds, steering them, pushing and managing must come to: with a public Executor of
/// somebody else (or one's own, for the owner), then with a private one.
const EXPECTED: &[(Who, [Must; 5], [Must; 5])] = &[
    (Who::Anonymous, [Work, Hide, Hide, Fail, Fail], [Hide; 5]),
    (Who::Stranger, [Work, Hide, Hide, Fail, Fail], [Hide; 5]),
    (Who::Owner, [Work; 5], [Work; 5]),
    (Who::SecretHolder, [Work, Work, Work, Work, Fail], [Work, Work, Work, Work, Fail]),
    (Who::TeamReader, [Work, Work, Fail, Fail, Fail], [Work, Work, Fail, Fail, Fail]),
    (Who::TeamWriter, [Work, Work, Work, Work, Fail], [Work, Work, Work, Work, Fail]),
    (Who::TeamAdmin, [Work; 5], [Work; 5]),
    (Who::ExMember, [Work, Hide, Hide, Fail, Fail], [Hide; 5]),
    (Who::HubAdmin, [Work, Work, Work, Fail, Work], [Work, Work, Work, Fail, Work]),
    (Who::Expired, [AskWho; 5], [AskWho; 5]),
    (Who::Revoked, [AskWho; 5], [AskWho; 5]),
];

fn expected(call: Call, who: Who, thing: Thing, action: Action) -> Must {
    // This one is for signed-in people and takes no secret.
    if call == Call::TaskList && matches!(who, Who::Anonymous | Who::SecretHolder) {
        return AskWho;
    }
    if call == Call::ApiSigned && matches!(who, Who::Anonymous | Who::SecretHolder) {
        return AskWho;
    }
    // Docker brings what it has only after it was asked.
    if call.is_oci() && who == Who::Anonymous && thing == Thing::Public && action != Action::Read {
        return AskWho;
    }
    // Without its secret a secret's holder is nobody.
    let who = match (call, who) {
        (Call::ApiOpen, Who::SecretHolder) => Who::Anonymous,
        (_, who) => who,
    };
    let (_, public, private) = EXPECTED.iter().find(|(row, ..)| *row == who).expect("a row for everybody");
    let column = match action {
        Action::Read => 0,
        Action::ReadTasks => 1,
        Action::SteerBuilds => 2,
        Action::Push | Action::ChangeTags => 3,
        Action::Manage | Action::Delete => 4,
    };
    match thing {
        // The API says of what can be seen that its builds are not for everybody.
        Thing::Public if call == Call::ApiTasks && public[column] == Hide => Fail,
        Thing::Public | Thing::Private => {
            let must = if thing == Thing::Public { public[column] } else { private[column] };
            if call == Call::ApiRevive && must == Fail { Hide } else { must }
        }
        Thing::Deleted if public[column] == AskWho => AskWho,
        Thing::Deleted => Hide,
    }
}

fn table(hub: &crate::support::hub::TestHub) -> Vec<Declared> {
    executor_hub::http::table(&hub.app)
}

#[tokio::test]
async fn every_route_is_in_the_matrix_and_every_row_of_it_is_a_route() {
    let hub = super::hub().await;
    let routes: BTreeSet<String> = table(&hub).iter().map(name_of).collect();
    let rows: BTreeSet<String> = CALLS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(routes, rows);
    for route in table(&hub) {
        let is_for_executors = matches!(route.needs, Needs::Executor(_));
        assert_eq!(call_of(&route).is_some_and(Call::names_an_executor), is_for_executors, "{route:?}");
    }
}

#[tokio::test]
async fn the_matrix_of_executors_holds_on_every_route() {
    let cast = Cast::assemble().await;
    let mut wrong = Vec::new();
    let mut asked = 0;
    for route in table(&cast.hub) {
        let (Needs::Executor(action), Some(call)) = (route.needs, call_of(&route)) else { continue };
        for who in WHO {
            let missing = cast.ask(&route, call, who, None).await;
            for thing in THINGS {
                if route.verb == Verb::Delete {
                    cast.let_guests_in().await;
                }
                let must = expected(call, who, thing, action);
                if matches!(call, Call::ApiChanges | Call::OciChanges) && must == Work {
                    continue;
                }
                let is_undone = matches!(call, Call::ApiUndo | Call::ApiRevive);
                if is_undone {
                    cast.throw_away(&route.path, thing).await;
                }
                let answer = cast.ask(&route, call, who, Some(thing)).await;
                asked += 1;
                if is_undone {
                    cast.bring_back(&route.path, thing).await;
                }
                let is = match must {
                    Work if call == Call::ApiRetry => {
                        answer.status == 409 && answer.json()["code"] == "builds_off"
                    }
                    Work => answer.status.is_success() && same(&answer, thing) != same_missing(&missing),
                    Fail => answer.status == 403,
                    Hide => same(&answer, thing) == same_missing(&missing),
                    AskWho => answer.status == 401 && missing.status == 401,
                };
                if !is {
                    let text = String::from_utf8_lossy(&answer.body).chars().take(200).collect::<String>();
                    let (verb, path) = (route.verb.as_str(), &route.path);
                    wrong.push(format!(
                        "{verb} {path} {who:?} {thing:?} must {must:?}: {} {text}",
                        answer.status
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {asked}:\n{}", wrong.len(), wrong.join("\n"));
    assert!(asked > 500, "{asked}");
}

#[tokio::test]
async fn what_is_about_a_person_asks_who_they_are() {
    let cast = Cast::assemble().await;
    let mut wrong = Vec::new();
    for route in table(&cast.hub) {
        let asks = matches!(
            route.needs,
            Needs::Person | Needs::NewArtifact | Needs::NewTeam | Needs::Team(_) | Needs::Administration
        );
        // Pages take a session that is over for none, and then their form is refused.
        if !asks || route.path.starts_with("/sign-in") {
            continue;
        }
        for who in [Who::Anonymous, Who::Expired, Who::Revoked] {
            let answer = cast.plain(&route, who).await;
            let is_page = !route.path.starts_with("/api/") && !route.path.starts_with("/v2/");
            let leads_to_sign_in = is_page
                && answer.status == 303
                && answer.headers["location"].to_str().unwrap().starts_with("/sign-in?next=");
            if answer.status != 401 && !leads_to_sign_in {
                wrong.push(format!("{} {} {who:?}: {}", route.verb.as_str(), route.path, answer.status));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[tokio::test]
async fn a_token_that_is_over_is_never_taken_for_nobody() {
    let cast = Cast::assemble().await;
    let mut wrong = Vec::new();
    for route in table(&cast.hub) {
        let reads_credentials = matches!(
            route.needs,
            Needs::Listing | Needs::Artifact(_) | Needs::NewExecutor | Needs::Executor(_)
        );
        for who in [Who::Expired, Who::Revoked] {
            if reads_credentials {
                let status = cast.plain(&route, who).await.status;
                if status != 401 {
                    wrong.push(format!("{} {} {who:?}: {status}", route.verb.as_str(), route.path));
                }
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

/// What an answer says, without what differs from request to request.
fn same(answer: &Answer, thing: Thing) -> String {
    without_names(answer, thing.name())
}

fn same_missing(answer: &Answer) -> String {
    without_names(answer, cast::MISSING)
}

fn without_names(answer: &Answer, name: &str) -> String {
    let mut headers: Vec<String> = answer
        .headers
        .iter()
        .filter(|(key, _)| !matches!(key.as_str(), "date" | "x-request-id" | "ratelimit"))
        .map(|(key, value)| format!("{key}: {}", String::from_utf8_lossy(value.as_bytes())))
        // Names of repositories are lower case.
        .map(|header| header.replace(&format!("alice/{}", name.to_lowercase()), "NAME"))
        .collect();
    headers.sort();
    let body = String::from_utf8_lossy(&answer.body).replace(name, "NAME");
    let id = answer.headers["x-request-id"].to_str().unwrap();
    format!("{}\n{}\n{}", answer.status, headers.join("\n"), body.replace(id, "ID"))
}

/// A verb as the client sends it.
fn method(verb: Verb) -> http::Method {
    verb.as_str().parse().unwrap()
}
