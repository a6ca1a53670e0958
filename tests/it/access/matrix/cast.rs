//! Who plays, with what, and how do they ask? Everything is Alice's; the others know her secret, belong to her teams, left
//! one, run the Hub, or are nobody.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use executor_hub::{
    auth::Caller,
    domain::{AccessLevel, access::Grantee, team::TeamRole, user::Role},
    http::routes::{Declared, Verb},
};
use http::Method;
use serde_json::{Value, json};

use super::{calls::Call, method};
use crate::{
    access::{hub_with, person, subject, with_role},
    support::{
        client::{Answer, Client},
        hub::TestHub,
        image::{build_image, sha256},
        package::{md5, package},
    },
};

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    Anonymous,
    Stranger,
    Owner,
    SecretHolder,
    TeamReader,
    TeamWriter,
    TeamAdmin,
    ExMember,
    HubAdmin,
    /// The owner, with a token that has expired.
    Expired,
    /// The owner, with a token that was revoked.
    Revoked,
}

pub const WHO: [Who; 11] = [
    Who::Anonymous,
    Who::Stranger,
    Who::Owner,
    Who::SecretHolder,
    Who::TeamReader,
    Who::TeamWriter,
    Who::TeamAdmin,
    Who::ExMember,
    Who::HubAdmin,
    Who::Expired,
    Who::Revoked,
];

/// What they ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Thing {
    Public,
    Private,
    Deleted,
}

pub const THINGS: [Thing; 3] = [Thing::Public, Thing::Private, Thing::Deleted];

/// The name of what never was, as long as the others.
pub const MISSING: &str = "Absent";
const SECRET: &str = "open-sesame";
/// What every image has.
const LAYER: &[u8] = b"layer";

impl Thing {
    pub fn name(self) -> &'static str {
        match self {
            Self::Public => "Opened",
            Self::Private => "Hidden",
            Self::Deleted => "Wasted",
        }
    }
}

pub struct Cast {
    pub hub: TestHub,
    clients: Vec<(Who, Client)>,
    tasks: Vec<(Thing, String)>,
    commits: Vec<(Thing, String)>,
    owner: Caller,
}

impl Cast {
    pub async fn assemble() -> Self {
        let hub = hub_with(&["auth.secret_attempts=60000", "auth.secret_attempts_per_address=60000"]).await;
        let (alice, owner) = person(&hub, "alice").await;
        let (mut tasks, mut commits) = (Vec::new(), Vec::new());
        for thing in THINGS {
            let private = if thing == Thing::Private { "True" } else { "False" };
            let fields = [("private", private), ("secret", SECRET)];
            alice.push("executor.create", &fields, &package(thing.name())).await;
            let listed = alice.rpc("executor.listAsyncTasks", json!({"id": thing.name()})).await.json();
            tasks.push((thing, listed["data"][0]["_id"].as_str().unwrap().to_owned()));
            let listed = alice.get(&format!("/api/v1/executors/{}/commits", thing.name())).await.json();
            commits.push((thing, listed["commits"][0]["id"].as_str().unwrap().to_owned()));
            let shown = alice.get(&format!("/api/v1/executors/{}", thing.name())).await.json();
            build_image(&hub, shown["id"].as_str().unwrap(), of(&commits, Some(thing)), LAYER).await;
        }
        let mut clients = vec![
            (Who::Anonymous, hub.anonymous()),
            (Who::Stranger, person(&hub, "bob").await.0),
            (Who::Owner, alice),
            (Who::SecretHolder, hub.anonymous()),
            (Who::HubAdmin, with_role(&hub, "root", Role::Admin).await.0),
        ];
        for (who, login, level) in [
            (Who::TeamReader, "rita", AccessLevel::Read),
            (Who::TeamWriter, "wanda", AccessLevel::Write),
            (Who::TeamAdmin, "adam", AccessLevel::Admin),
        ] {
            let (client, caller) = person(&hub, login).await;
            clients.push((who, client));
            let team = format!("team-of-{login}").parse().unwrap();
            hub.app.hub().create_team(&caller, &team).await.unwrap();
            for thing in THINGS {
                let (it, to) = (subject(thing.name()), Grantee::Team(team.clone()));
                hub.app.hub().grant_access(&owner, &it, &to, level).await.unwrap();
            }
            if who == Who::TeamAdmin {
                let (former, _) = person(&hub, "emma").await;
                clients.push((Who::ExMember, former));
                let emma = "emma".parse().unwrap();
                hub.app.hub().put_team_member(&caller, &team, &emma, TeamRole::Member).await.unwrap();
                hub.app.hub().remove_team_member(&caller, &team, &emma).await.unwrap();
            }
        }
        for (who, ends) in [(Who::Expired, "expires_at"), (Who::Revoked, "revoked_at")] {
            let id = owner.user_id().unwrap();
            let token = hub.app.auth().issue_personal_token(id, ends, Some(1)).await.unwrap();
            clients.push((who, hub.anonymous().with_token(token.expose())));
            let over = format!("UPDATE tokens SET {ends} = now() - interval '1 hour' WHERE name = $1");
            sqlx::query(sqlx::AssertSqlSafe(over)).bind(ends).execute(&hub.pool).await.unwrap();
        }
        // Somebody to let in and to shut out.
        let (_, frank) = person(&hub, "frank").await;
        hub.app.hub().create_team(&frank, &"guests".parse().unwrap()).await.unwrap();
        let gone = "UPDATE executors SET discarded_at = now(), holds_bare_name = false WHERE name = $1";
        sqlx::query(gone).bind(Thing::Deleted.name()).execute(&hub.pool).await.unwrap();
        let cast = Self { hub, clients, tasks, commits, owner };
        cast.let_guests_in().await;
        cast
    }

    /// So that there is somebody to shut out.
    pub async fn let_guests_in(&self) {
        for to in [Grantee::Person("frank".parse().unwrap()), Grantee::Team("guests".parse().unwrap())] {
            for thing in [Thing::Public, Thing::Private] {
                let it = subject(thing.name());
                self.hub.app.hub().grant_access(&self.owner, &it, &to, AccessLevel::Read).await.unwrap();
            }
        }
    }

    /// Deletes what a route brings back; what is gone with its Executor cannot be deleted.
    pub async fn throw_away(&self, route: &str, thing: Thing) {
        if thing == Thing::Deleted {
            return;
        }
        let (hub, it) = (self.hub.app.hub(), subject(thing.name()));
        if route.contains("{tag}") {
            hub.delete_tag(&self.owner, &it, &"latest".parse().unwrap()).await.unwrap();
        } else if route.contains("{commit}") {
            let commit = of(&self.commits, Some(thing)).parse().unwrap();
            hub.delete_commit(&self.owner, &it, commit).await.unwrap();
        } else {
            hub.delete_executor(&self.owner, &it).await.unwrap();
        }
    }

    /// Brings it back, where the one who was asked for did not.
    pub async fn bring_back(&self, route: &str, thing: Thing) {
        if thing == Thing::Deleted {
            return;
        }
        let (hub, it) = (self.hub.app.hub(), subject(thing.name()));
        let error = if route.contains("{tag}") {
            hub.undelete_tag(&self.owner, &it, &"latest".parse().unwrap()).await.err()
        } else if route.contains("{commit}") {
            let commit = of(&self.commits, Some(thing)).parse().unwrap();
            hub.undelete_commit(&self.owner, &it, commit).await.err()
        } else {
            hub.undelete_executor(&self.owner, &it).await.err()
        };
        assert!(error.as_ref().is_none_or(|error| error.code == "nothing_to_undelete"), "{error:?}");
    }

    pub fn client(&self, who: Who) -> &Client {
        &self.clients.iter().find(|(other, _)| *other == who).unwrap().1
    }

    /// Calls a route that names an Executor; `None` names one that never was.
    pub async fn ask(&self, route: &Declared, call: Call, who: Who, thing: Option<Thing>) -> Answer {
        let name = format!("alice/{}", thing.map_or(MISSING, Thing::name));
        let client = self.client(who);
        let secret = (who == Who::SecretHolder).then_some(SECRET);
        let verb = method(route.verb);
        match call {
            Call::Path => {
                // The path has one segment for the name.
                let path = route.path.replace("{name}", &name.replace('/', "%2F"));
                let query = secret.map_or(String::new(), |secret| format!("?secret={secret}"));
                client.send(verb, &format!("{path}{query}"), &[], Vec::new()).await
            }
            Call::Api
            | Call::ApiOpen
            | Call::ApiSigned
            | Call::ApiTasks
            | Call::ApiTask
            | Call::ApiRetry
            | Call::ApiUndo
            | Call::ApiRevive
            | Call::ApiChanges => {
                let path = self.path(&route.path, thing);
                let visibility = if thing == Some(Thing::Private) { "private" } else { "public" };
                let body = match route.verb {
                    Verb::Put if path.ends_with("/tag-rules") => json!({"patterns": []}).to_string(),
                    Verb::Put if path.ends_with("/latest") => {
                        json!({"commit": of(&self.commits, thing)}).to_string()
                    }
                    Verb::Put => json!({"level": "read"}).to_string(),
                    Verb::Patch => json!({"visibility": visibility}).to_string(),
                    Verb::Post => json!({"secret": SECRET}).to_string(),
                    _ => String::new(),
                };
                let mut headers = vec![("content-type", "application/json")];
                headers.extend(secret.map(|secret| ("x-executor-secret", secret)));
                client.send(verb, &path, &headers, body.into_bytes()).await
            }
            Call::ApiPush => {
                let mut headers = vec![("content-type", "application/zip")];
                headers.extend(secret.map(|secret| ("x-executor-secret", secret)));
                client.send(verb, &self.path(&route.path, thing), &headers, package("Pushed").zip()).await
            }
            Call::Oci | Call::OciChanges => {
                let path = self.path(&route.path, thing);
                let basic = secret.map(|secret| BASE64_STANDARD.encode(format!("{name}:{secret}")));
                let basic = basic.map(|text| format!("Basic {text}"));
                let headers: Vec<_> = basic.iter().map(|text| ("authorization", text.as_str())).collect();
                client.send(verb, &path, &headers, Vec::new()).await
            }
            Call::Rpc | Call::TaskList => rpc(client, verb, &route.path, &name, secret).await,
            Call::Task => rpc(client, verb, &route.path, of(&self.tasks, thing), secret).await,
            Call::Push => push(client, verb, &route.path, "id", &name, secret).await,
            Call::PushV1 => push(client, verb, &route.path, "force", &name, secret).await,
            Call::Plain | Call::New => panic!("{route:?} names no Executor"),
        }
    }

    /// A path of the API or of the feeds that names a thing.
    fn path(&self, path: &str, thing: Option<Thing>) -> String {
        let name = thing.map_or(MISSING, Thing::name);
        path.replace("{executor}", &format!("alice%2F{name}"))
            .replace("{repository}", &format!("alice/{}", name.to_lowercase()))
            .replace("{reference}", &format!("commit-{}", of(&self.commits, thing)))
            .replace("{digest}", &sha256(LAYER))
            .replace("{upload}", "0193c0de000070008000000000000000")
            .replace("{owner}", "alice")
            .replace("{name}", name)
            .replace("{file}", &format!("{name}.atom"))
            .replace("{task}", of(&self.tasks, thing))
            .replace("{commit}", of(&self.commits, thing))
            .replace("{tag}", "latest")
            .replace("{login}", "frank")
            .replace("{team}", "guests")
    }

    /// Calls a route with nothing in particular.
    pub async fn plain(&self, route: &Declared, who: Who) -> Answer {
        let mut path = route.path.clone();
        for part in [
            "{name}",
            "{executor}",
            "{team}",
            "{login}",
            "{token}",
            "{task}",
            "{commit}",
            "{tag}",
            "{owner}",
            "{file}",
            "{repository}",
            "{reference}",
            "{digest}",
            "{upload}",
        ] {
            path = path.replace(part, MISSING);
        }
        let headers = [("content-type", "application/json")];
        let body = json!({"id": MISSING, "name": "x"}).to_string().into_bytes();
        self.client(who).send(method(route.verb), &path, &headers, body).await
    }
}

/// The id that belongs to a thing, or one that never was.
fn of(ids: &[(Thing, String)], thing: Option<Thing>) -> &str {
    let id = ids.iter().find(|(other, _)| Some(*other) == thing);
    id.map_or("0193c0de000070008000000000000000", |(_, id)| id.as_str())
}

async fn rpc(client: &Client, verb: Method, path: &str, id: &str, secret: Option<&str>) -> Answer {
    if verb == Method::GET {
        let secret = secret.map_or(String::new(), |secret| format!("&secret={secret}"));
        return client.send(verb, &format!("{path}?id={id}{secret}"), &[], Vec::new()).await;
    }
    let mut parameters = json!({"id": id, "replay": true});
    if let Some(secret) = secret {
        parameters["secret"] = Value::from(secret);
    }
    let headers = [("content-type", "application/json")];
    client.send(verb, path, &headers, parameters.to_string().into_bytes()).await
}

async fn push(
    client: &Client,
    verb: Method,
    path: &str,
    field: &str,
    name: &str,
    secret: Option<&str>,
) -> Answer {
    let zip = package("Pushed").zip();
    let digest = md5(&zip);
    let mut fields = vec![(field, name), ("md5sum", &digest)];
    fields.extend(secret.map(|secret| ("secret", secret)));
    client.push_to(verb, path, &fields, &zip).await
}
