//! Who may do what, as Docker asks: with a challenge, a token for it, and no more than its owner may at that moment.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use chrono::TimeDelta;
use executor_hub::domain::{Clock as _, SystemClock, clock::FixedClock, user::Role};
use http::Method;
use serde_json::{Value, json};

use super::{alice, code, header, hub, ids, push, put_manifest, put_parts};
use crate::support::{
    client::{Answer, Client},
    hub::{TestHub, Wanted},
    image::{build_image, manifest, sha256},
};

fn basic(name: &str, password: &str) -> String {
    format!("Basic {}", BASE64_STANDARD.encode(format!("{name}:{password}")))
}

async fn with(hub: &TestHub, authorization: &str, method: Method, path: &str) -> Answer {
    hub.anonymous().send(method, path, &[("authorization", authorization)], Vec::new()).await
}

/// The token for a scope; an error's answer where none is given.
async fn token(hub: &TestHub, authorization: Option<&str>, scope: &str) -> Result<Value, Answer> {
    let path = format!("/token?service=hub&scope={scope}");
    let headers: Vec<(&str, &str)> = authorization.map(|text| ("authorization", text)).into_iter().collect();
    let answer = hub.anonymous().send(Method::GET, &path, &headers, Vec::new()).await;
    if answer.status == 200 { Ok(answer.json()) } else { Err(answer) }
}

fn bearer(token: &Value) -> String {
    assert_eq!(token["token"], token["access_token"]);
    format!("Bearer {}", token["token"].as_str().unwrap())
}

async fn private(hub: &TestHub) -> (Client, String, String) {
    let alice = alice(hub, "Box", &[("private", "True"), ("secret", "open-sesame")]).await;
    let (id, commit) = ids(&alice, "Box").await;
    build_image(hub, &id, &commit, b"layer").await;
    (alice, id, commit)
}

#[tokio::test]
async fn the_registry_asks_who_it_is_and_says_where_to_get_a_token() {
    let hub = hub().await;
    let asked = hub.anonymous().get("/v2/").await;
    assert_eq!((asked.status.as_u16(), code(&asked).as_str()), (401, "UNAUTHORIZED"));
    let host = hub.url.strip_prefix("http://").unwrap();
    let challenge = format!("Bearer realm=\"{}/token\",service=\"{host}\"", hub.url);
    assert_eq!(header(&asked, "www-authenticate"), challenge);
    assert_eq!(header(&asked, "docker-distribution-api-version"), "registry/2.0");
    let asked = hub.anonymous().get("/v2/some/thing/manifests/latest").await;
    assert_eq!(
        header(&asked, "www-authenticate"),
        format!("{challenge},scope=\"repository:some/thing:pull\"")
    );
    let nobody = token(&hub, None, "repository:some/thing:pull").await.unwrap();
    assert_eq!((&nobody["expires_in"], &nobody["scope"]), (&json!(300), &json!("")));
    assert_eq!(with(&hub, &bearer(&nobody), Method::GET, "/v2/").await.status, 200);
    let forged = format!("{}x", bearer(&nobody));
    assert_eq!(with(&hub, &forged, Method::GET, "/v2/").await.status, 401);
}

#[tokio::test]
async fn everybody_pulls_what_is_public_and_nobody_else_pushes_to_it() {
    let hub = hub().await;
    let owner = alice(&hub, "Box", &[]).await;
    let (id, commit) = ids(&owner, "Box").await;
    build_image(&hub, &id, &commit, b"layer").await;
    let nobody = token(&hub, None, "repository:alice/box:pull,push").await.unwrap();
    assert_eq!(nobody["scope"], "repository:alice/box:pull");
    let pulled = with(&hub, &bearer(&nobody), Method::GET, "/v2/alice/box/manifests/latest").await;
    assert_eq!(pulled.status, 200);
    let pushed = with(&hub, &bearer(&nobody), Method::POST, "/v2/alice/box/blobs/uploads/").await;
    assert_eq!(pushed.status, 401, "the token is for pulling only");
    let bob = hub.person("bob").await;
    let pushed = bob.send(Method::POST, "/v2/alice/box/blobs/uploads/", &[], Vec::new()).await;
    assert_eq!((pushed.status.as_u16(), code(&pushed).as_str()), (403, "DENIED"));
}

#[tokio::test]
async fn what_is_hidden_answers_as_what_never_was() {
    let hub = hub().await;
    private(&hub).await;
    let bob = hub.person("bob").await;
    let nobody = |scope: &'static str| token(&hub, None, scope);
    let strip = |answer: Answer| {
        let headers =
            format!("{:?}", answer.headers.get("www-authenticate")).replace("alice/boo", "alice/box");
        let mut body = answer.json();
        body["errors"][0]["detail"]["request_id"] = Value::Null;
        (answer.status, headers, body.to_string().replace("alice/boo", "alice/box"))
    };
    for rest in [
        "manifests/latest",
        "tags/list",
        &format!("blobs/{}", sha256(b"layer")),
        &format!("referrers/{}", sha256(b"layer")),
    ] {
        let (hidden, missing) = (format!("/v2/alice/box/{rest}"), format!("/v2/alice/boo/{rest}"));
        assert_eq!(strip(bob.get(&hidden).await), strip(bob.get(&missing).await), "{rest}");
        let anonymous = hub.anonymous();
        assert_eq!(strip(anonymous.get(&hidden).await), strip(anonymous.get(&missing).await), "{rest}");
        assert_eq!(bob.get(&hidden).await.status, 404);
        assert_eq!(anonymous.get(&hidden).await.status, 401);
    }
    let (hidden, missing) = (
        nobody("repository:alice/box:pull").await.unwrap(),
        nobody("repository:alice/boo:pull").await.unwrap(),
    );
    assert_eq!((&hidden["scope"], &missing["scope"]), (&json!(""), &json!("")));
}

#[tokio::test]
async fn an_access_token_is_the_password_by_basic_and_by_identity_token() {
    let hub = hub().await;
    let (owner, ..) = private(&hub).await;
    let answer = owner.rpc("user.pat.create", json!({"name": "docker", "expirationDays": 1})).await.json();
    let pat = answer["data"]["token"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned();
    for name in ["alice", "<token>"] {
        let got = token(&hub, Some(&basic(name, &pat)), "repository:alice/box:pull,push").await.unwrap();
        assert_eq!(got["scope"], "repository:alice/box:pull,push", "{name}");
        let pulled = with(&hub, &bearer(&got), Method::GET, "/v2/alice/box/manifests/latest").await;
        assert_eq!(pulled.status, 200, "{name}");
    }
    let form = |text: String| {
        let hub = &hub;
        async move {
            let headers = [("content-type", "application/x-www-form-urlencoded")];
            hub.anonymous().send(Method::POST, "/token", &headers, text.into_bytes()).await
        }
    };
    let scope = "service=hub&client_id=docker&scope=repository%3Aalice%2Fbox%3Apull";
    let got = form(format!("grant_type=refresh_token&{scope}&refresh_token={pat}")).await;
    assert_eq!(
        (got.status.as_u16(), got.json()["scope"].as_str().unwrap().to_owned()),
        (200, "repository:alice/box:pull".to_owned())
    );
    let got = form(format!("grant_type=password&{scope}&username=alice&password={pat}")).await.json();
    assert_eq!(
        (got["scope"].as_str(), got["refresh_token"].as_str()),
        (Some("repository:alice/box:pull"), Some(pat.as_str()))
    );
    let nobody = form(format!("grant_type=refresh_token&{scope}&refresh_token=anonymous")).await;
    assert_eq!((nobody.status.as_u16(), nobody.json()["scope"].as_str()), (200, Some("")));
    for wrong in [
        "grant_type=refresh_token&refresh_token=ehub_none",
        "grant_type=refresh_token&refresh_token=none",
        "grant_type=password&username=alice&password=none",
    ] {
        assert_eq!(form(wrong.to_owned()).await.status, 401, "{wrong}");
    }
    assert_eq!(form("grant_type=magic".into()).await.status, 400);
    assert_eq!(
        token(&hub, Some(&basic("alice", "wrong")), "repository:alice/box:pull").await.unwrap_err().status,
        401
    );
}

#[tokio::test]
async fn a_secret_is_the_password_of_its_executor_and_of_no_other() {
    let hub = hub().await;
    let (owner, id, _) = private(&hub).await;
    push(&owner, "Other", &[("private", "True"), ("secret", "open-other")]).await;
    for name in ["alice/Box", &id] {
        let got = token(&hub, Some(&basic(name, "open-sesame")), "repository:alice/box:pull").await.unwrap();
        assert_eq!(got["scope"], "repository:alice/box:pull", "{name}");
        let pulled = with(&hub, &bearer(&got), Method::GET, "/v2/alice/box/manifests/latest").await;
        assert_eq!(pulled.status, 200, "{name}");
    }
    let got =
        token(&hub, Some(&basic("alice/Box", "open-sesame")), "repository:alice/other:pull").await.unwrap();
    assert_eq!(got["scope"], "");
    for (name, password) in
        [("alice/Box", "open-other"), ("alice/Nothing", "open-sesame"), ("alice", "open-sesame")]
    {
        let refused =
            token(&hub, Some(&basic(name, password)), "repository:alice/box:pull").await.unwrap_err();
        assert_eq!((refused.status.as_u16(), code(&refused).as_str()), (401, "UNAUTHORIZED"), "{name}");
    }
    let got = bearer(
        &token(&hub, Some(&basic("alice/Box", "open-sesame")), "repository:alice/box:pull").await.unwrap(),
    );
    let rotated = owner
        .send(
            Method::POST,
            "/api/v1/executors/Box/secret",
            &[("content-type", "application/json")],
            json!({"secret": "another-one"}).to_string().into_bytes(),
        )
        .await;
    assert_eq!(rotated.status, 200);
    let over = with(&hub, &got, Method::GET, "/v2/alice/box/manifests/latest").await;
    assert_eq!(over.status, 401, "the secret is another now");
}

#[tokio::test]
async fn a_key_in_the_name_opens_one_repository_for_pulls_until_the_secret_changes() {
    let hub = hub().await;
    let (owner, id, commit) = private(&hub).await;
    let hash: String = sqlx::query_scalar("SELECT secret_hash FROM executors WHERE id = $1")
        .bind(&id)
        .fetch_one(&hub.pool)
        .await
        .unwrap();
    let keys = executor_hub::auth::Keys::load(&executor_hub::domain::Secret::new(""), hub.folder()).unwrap();
    let name = format!("{id}/key/{}", keys.repository_key(&id, &hash));
    let nobody = token(&hub, None, &format!("repository:{name}:pull,push")).await.unwrap();
    assert_eq!(nobody["scope"], format!("repository:{name}:pull"));
    let path = format!("/v2/{name}/manifests/commit-{commit}");
    assert_eq!(with(&hub, &bearer(&nobody), Method::GET, &path).await.status, 200);
    assert_eq!(hub.anonymous().get(&path).await.status, 200);
    let other = path.replace("/key/", "/key/0");
    assert_eq!(hub.anonymous().get(&other).await.status, 401);
    let upload =
        hub.anonymous().send(Method::POST, &format!("/v2/{name}/blobs/uploads/"), &[], Vec::new()).await;
    assert_eq!(upload.status, 401);
    let headers = [("content-type", "application/json")];
    owner
        .send(
            Method::POST,
            "/api/v1/executors/Box/secret",
            &headers,
            json!({"secret": "another-one"}).to_string().into_bytes(),
        )
        .await;
    assert_eq!(hub.anonymous().get(&path).await.status, 401);
}

#[tokio::test]
async fn a_token_is_worth_what_its_owner_may_now() {
    let clock = std::sync::Arc::new(FixedClock::at(SystemClock.now()));
    let hub = TestHub::start_with(Wanted {
        set: vec!["builds.mode=off"],
        clock: Some(clock.clone()),
        ..Wanted::default()
    })
    .await;
    let (owner, ..) = private(&hub).await;
    let user = hub.app.auth().create_user("bob", None, Role::Member).await.unwrap();
    let pat = hub.app.auth().issue_personal_token(user.id, "docker", Some(1)).await.unwrap();
    let bob = basic("bob", pat.expose());
    let path = "/v2/alice/box/manifests/latest";
    assert_eq!(token(&hub, Some(&bob), "repository:alice/box:pull").await.unwrap()["scope"], "");
    let headers = [("content-type", "application/json")];
    let access = "/api/v1/executors/Box/access/people/bob";
    owner.send(Method::PUT, access, &headers, json!({"level": "read"}).to_string().into_bytes()).await;
    let got = token(&hub, Some(&bob), "repository:alice/box:pull,push").await.unwrap();
    assert_eq!(got["scope"], "repository:alice/box:pull", "no more than he may");
    let got = bearer(&got);
    assert_eq!(with(&hub, &got, Method::GET, path).await.status, 200);
    owner.send(Method::DELETE, access, &[], Vec::new()).await;
    assert_eq!(with(&hub, &got, Method::GET, path).await.status, 404, "he was let out meanwhile");
    owner.send(Method::PUT, access, &headers, json!({"level": "read"}).to_string().into_bytes()).await;
    assert_eq!(with(&hub, &got, Method::GET, path).await.status, 200);
    clock.advance(TimeDelta::minutes(6));
    assert_eq!(with(&hub, &got, Method::GET, path).await.status, 401, "it is over");
    let fresh = bearer(&token(&hub, Some(&bob), "repository:alice/box:pull").await.unwrap());
    hub.app.auth().revoke_personal_token(user.id, "docker").await.unwrap();
    assert_eq!(with(&hub, &fresh, Method::GET, path).await.status, 401, "the access token behind it is gone");
}

#[tokio::test]
async fn reads_of_private_images_and_every_change_are_written_down() {
    let hub = hub().await;
    let (owner, ..) = private(&hub).await;
    push(&owner, "Open", &[]).await;
    owner.get("/v2/alice/box/manifests/latest").await;
    owner.get(&format!("/v2/alice/box/blobs/{}", sha256(b"layer"))).await;
    put_parts(&owner, "alice/open", b"layer").await;
    put_manifest(&owner, "alice/open", "mine", &manifest(b"layer", json!({}))).await;
    owner.get("/v2/alice/open/manifests/mine").await;
    owner.send(Method::DELETE, "/v2/alice/open/manifests/mine", &[], Vec::new()).await;
    let rows: Vec<(String, String, String)> = sqlx::query_as(
        "SELECT action, actor, subject FROM audit_entries WHERE action LIKE 'executor.image.%' ORDER BY number",
    )
    .fetch_all(&hub.pool)
    .await
    .unwrap();
    let rows: Vec<String> =
        rows.into_iter().map(|(action, actor, subject)| format!("{action} {actor} {subject}")).collect();
    assert_eq!(
        rows,
        [
            "executor.image.pull alice alice/Box",
            "executor.image.pull alice alice/Box",
            "executor.image.push alice alice/Open",
            "executor.image.delete alice alice/Open",
        ]
    );
}
