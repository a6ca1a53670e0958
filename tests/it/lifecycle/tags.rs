//! Tags after their push: history, rollback, protection by hand and by rule, deletion and its undoing.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta};
use executor_hub::{
    domain::{TagPattern, clock::FixedClock, page::PageSize},
    hub::tags::Change,
};
use serde_json::json;

use super::{person, pulled, push, pushed, subject, tag, with_secret};
use crate::support::{
    engine::Script,
    hub::{TestHub, Wanted},
    package::{Package, package},
};

fn version(n: u32) -> Package {
    package("Hello").with("README.md", &format!("# Version {n}\n"))
}

fn patterns(texts: &[&str]) -> Vec<TagPattern> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

#[tokio::test]
async fn every_move_of_a_tag_is_written_down_and_never_changed() {
    let hub = TestHub::start().await;
    let (alice, client) = person(&hub, "alice").await;
    let first = pushed(&client, &[], &version(1)).await;
    let second = pushed(&client, &[], &version(2)).await;
    let hello = subject("Hello");
    hub.app.hub().move_tag(&alice, &hello, &tag("latest"), first).await.unwrap();
    hub.app.hub().protect_tag(&alice, &hello, &tag("latest")).await.unwrap();
    let page = hub.app.hub().tag_history(&alice, &hello, None, None, PageSize::nearest(None)).await.unwrap();
    let told: Vec<_> = page.items.iter().rev().map(|c| (c.change, c.from, c.to, c.is_protected)).collect();
    assert_eq!(
        told,
        [
            (Change::Created, None, Some(first), false),
            (Change::Moved, Some(first), Some(second), false),
            (Change::Moved, Some(second), Some(first), false),
            (Change::Protected, Some(first), Some(first), true),
        ]
    );
    assert!(page.items.iter().all(|c| c.by.as_deref() == Some("alice")) && page.next.is_none());
    for statement in ["UPDATE tag_history SET to_commit = gen_random_uuid()", "DELETE FROM tag_history"] {
        let error = sqlx::query(statement).execute(&hub.pool).await.expect_err(statement);
        assert!(error.to_string().contains("only grows"), "{error}");
    }
    let two = PageSize::nearest(Some(2));
    let start = hub.app.hub().tag_history(&alice, &hello, None, None, two).await.unwrap();
    let rest = hub.app.hub().tag_history(&alice, &hello, None, start.next.as_deref(), two).await.unwrap();
    let numbers: Vec<i64> = start.items.iter().chain(&rest.items).map(|c| c.number).collect();
    assert_eq!(numbers, page.items.iter().map(|c| c.number).collect::<Vec<_>>(), "pages join without a seam");
}

#[tokio::test]
async fn a_tag_rolls_back_to_a_usable_commit_of_its_own_executor_only() {
    let hub = TestHub::start().await;
    let (alice, client) = person(&hub, "alice").await;
    let first = pushed(&client, &[], &version(1)).await;
    let second = pushed(&client, &[], &version(2)).await;
    let other = pushed(&client, &[], &package("Other")).await;
    hub.engine.next(Script::Fails(executor_hub::domain::task::FaultKind::Step));
    push(&client, &[], &version(3)).await;
    let failed: uuid::Uuid = sqlx::query_scalar("SELECT id FROM commits WHERE usable_at IS NULL")
        .fetch_one(&hub.pool)
        .await
        .unwrap();
    let hello = subject("alice/Hello");
    for wrong in [other, executor_hub::domain::CommitId(failed), executor_hub::domain::CommitId::mint()] {
        let error = hub.app.hub().move_tag(&alice, &hello, &tag("latest"), wrong).await.unwrap_err();
        assert_eq!(error.code, "commit_not_found");
    }
    assert_eq!(pulled(&client, "Hello", "latest").await, Some(second));
    hub.app.hub().move_tag(&alice, &hello, &tag("latest"), first).await.unwrap();
    assert_eq!(pulled(&client, "Hello", "latest").await, Some(first));
    hub.app.hub().protect_tag(&alice, &hello, &tag("latest")).await.unwrap();
    let error = hub.app.hub().move_tag(&alice, &hello, &tag("latest"), second).await.unwrap_err();
    assert_eq!(error.code, "tag_protected");
    assert!(error.cause.contains("alice") && error.cause.contains("sha256:"), "{}", error.cause);
    let error = hub.app.hub().delete_tag(&alice, &hello, &tag("latest")).await.unwrap_err();
    assert_eq!(error.code, "tag_protected");
    assert_eq!(pulled(&client, "Hello", "latest").await, Some(first));
}

#[tokio::test]
async fn a_build_that_was_pushed_before_a_rollback_does_not_undo_it() {
    let hub = TestHub::start().await;
    let (alice, client) = person(&hub, "alice").await;
    let first = pushed(&client, &[], &version(1)).await;
    pushed(&client, &[], &version(2)).await;
    hub.engine.next(Script::Waits);
    let pushing = {
        let client = client.clone();
        tokio::spawn(async move { push(&client, &[("tags", "latest,new")], &version(3)).await })
    };
    hub.engine.has_started().await;
    hub.app.hub().move_tag(&alice, &subject("Hello"), &tag("latest"), first).await.unwrap();
    hub.engine.release();
    assert_eq!(pushing.await.unwrap()["type"], "complete");
    assert_eq!(pulled(&client, "Hello", "latest").await, Some(first));
    assert_ne!(pulled(&client, "Hello", "new").await, Some(first));
}

#[tokio::test]
async fn strangers_change_no_tags_and_learn_nothing_of_hidden_ones() {
    let hub = TestHub::start().await;
    let (alice, client) = person(&hub, "alice").await;
    let (bob, _) = person(&hub, "bob").await;
    let shown = pushed(&client, &[], &package("Shown")).await;
    let hidden = pushed(&client, &[("private", "True")], &package("Hidden")).await;
    let latest = tag("latest");
    for (name, commit, code) in
        [("alice/Shown", shown, "change_not_allowed"), ("alice/Hidden", hidden, "executor_not_found")]
    {
        let name = subject(name);
        let hub = hub.app.hub();
        let codes = [
            hub.move_tag(&bob, &name, &latest, commit).await.unwrap_err().code,
            hub.protect_tag(&bob, &name, &latest).await.unwrap_err().code,
            hub.delete_tag(&bob, &name, &latest).await.unwrap_err().code,
            hub.undelete_tag(&bob, &name, &latest).await.unwrap_err().code,
            hub.set_tag_rules(&bob, &name, None).await.unwrap_err().code,
        ];
        assert_eq!(codes, [code; 5]);
    }
    let size = PageSize::nearest(None);
    let hidden = subject("alice/Hidden");
    assert_eq!(hub.app.hub().tag_states(&bob, &hidden).await.unwrap_err().code, "executor_not_found");
    let history = hub.app.hub().tag_history(&bob, &hidden, None, None, size).await;
    assert_eq!(history.unwrap_err().code, "executor_not_found");
    assert_eq!(hub.app.hub().tag_states(&alice, &hidden).await.unwrap().len(), 1);
}

#[tokio::test]
async fn whoever_knows_the_secret_changes_the_tags_of_an_anonymous_executor() {
    let hub = TestHub::start().await;
    let client = hub.anonymous();
    let line = client.push("executor.create", &[], &version(1)).await.last_line();
    let secret = line["payload"]["secret"].as_str().unwrap().to_owned();
    let nobody = executor_hub::auth::Caller::Anonymous;
    let held =
        hub.app.hub().protect_tag(&nobody, &with_secret("Hello", &secret), &tag("latest")).await.unwrap();
    assert!(held.is_protected);
    let fields = [("id", "Hello"), ("secret", secret.as_str())];
    let refused = client.push("executor.update", &fields, &version(2)).await.last_line();
    assert_eq!(refused["errorCode"], "tag_protected");
    let text = refused["message"].as_str().unwrap();
    assert!(text.contains("somebody without an account"), "{text}");
    let error = hub.app.hub().delete_tag(&nobody, &with_secret("Hello", "wrong"), &tag("latest")).await;
    assert_eq!(error.unwrap_err().code, "change_not_allowed");
}

#[tokio::test]
async fn a_pattern_of_the_operator_protects_from_the_first_push_on() {
    let set = vec!["executors.protected_tags=v*"];
    let hub = TestHub::start_with(Wanted { set, ..Wanted::default() }).await;
    let (alice, client) = person(&hub, "alice").await;
    let first = pushed(&client, &[("tags", "v1,latest")], &version(1)).await;
    let files = hub.stored_files();
    let refused = push(&client, &[("tags", "latest,v1")], &version(2)).await;
    assert_eq!(refused["errorCode"], "tag_protected", "{refused}");
    assert_eq!(hub.stored_files(), files, "refused before its bytes are kept");
    let second = pushed(&client, &[("tags", "latest")], &version(2)).await;
    let tags = hub.app.hub().tag_states(&alice, &subject("Hello")).await.unwrap();
    let held: Vec<_> = tags.iter().map(|t| (t.name.as_str(), t.commit, t.is_protected)).collect();
    assert_eq!(held, [("latest", second, false), ("v1", first, true)]);
    // Patterns of its own take the place of the operator's; what was protected stays so.
    let own = patterns(&["latest"]);
    hub.app.hub().set_tag_rules(&alice, &subject("Hello"), Some(&own)).await.unwrap();
    pushed(&client, &[("tags", "v2")], &version(1)).await;
    pushed(&client, &[("tags", "v2")], &version(2)).await;
    assert_eq!(push(&client, &[("tags", "v1")], &version(2)).await["errorCode"], "tag_protected");
    // A tag that was there before the pattern is held as well.
    assert_eq!(push(&client, &[("tags", "latest")], &version(3)).await["errorCode"], "tag_protected");
    let error = hub.app.hub().delete_tag(&alice, &subject("Hello"), &tag("latest")).await.unwrap_err();
    assert_eq!(error.code, "tag_protected");
    hub.app.hub().set_tag_rules(&alice, &subject("Hello"), Some(&[])).await.unwrap();
    pushed(&client, &[("tags", "latest")], &version(3)).await;
}

#[tokio::test]
async fn the_database_itself_keeps_the_patterns() {
    let hub = TestHub::start().await;
    let (alice, client) = person(&hub, "alice").await;
    pushed(&client, &[("tags", "v_1,vx1")], &version(1)).await;
    let second = pushed(&client, &[("tags", "x")], &version(2)).await;
    // `_` is a sign like any other, not LIKE's.
    hub.app.hub().set_tag_rules(&alice, &subject("Hello"), Some(&patterns(&["v_*"]))).await.unwrap();
    let move_to = "UPDATE tags SET commit_id = $1 WHERE name = $2";
    let moved = sqlx::query(move_to).bind(second.0).bind("vx1").execute(&hub.pool).await;
    assert_eq!(moved.unwrap().rows_affected(), 1);
    let error = sqlx::query(move_to).bind(second.0).bind("v_1").execute(&hub.pool).await.unwrap_err();
    assert!(error.to_string().contains("protected"), "{error}");
    let error = sqlx::query("DELETE FROM tags WHERE name = 'v_1'").execute(&hub.pool).await.unwrap_err();
    assert!(error.to_string().contains("protected"), "{error}");
}

#[tokio::test]
async fn racing_pushes_to_a_tag_that_a_pattern_protects_have_one_winner() {
    let set = vec!["executors.protected_tags=v*"];
    let hub = TestHub::start_with(Wanted { set, ..Wanted::default() }).await;
    let (_, client) = person(&hub, "alice").await;
    pushed(&client, &[], &version(0)).await;
    let racers: Vec<_> = (1..=6)
        .map(|n| {
            let client = client.clone();
            tokio::spawn(async move { push(&client, &[("tags", "v1")], &version(n)).await })
        })
        .collect();
    let mut winners = Vec::new();
    for racer in racers {
        let line = racer.await.unwrap();
        match line["type"].as_str() {
            Some("complete") => winners.push(line["payload"]["commit"]["id"].clone()),
            _ => assert_eq!(line["errorCode"], "tag_protected", "{line}"),
        }
    }
    assert_eq!(winners.len(), 1);
    assert_eq!(json!(pulled(&client, "Hello", "v1").await.unwrap().to_string()), winners[0]);
}

#[tokio::test]
async fn a_deleted_tag_comes_back_within_the_window_and_not_after_it() {
    let clock = Arc::new(FixedClock::at(DateTime::from_timestamp(1_800_000_000, 0).unwrap()));
    let wanted = Wanted { set: vec!["builds.mode=off"], clock: Some(clock.clone()), ..Wanted::default() };
    let hub = TestHub::start_with(wanted).await;
    let (alice, client) = person(&hub, "alice").await;
    let first = pushed(&client, &[("tags", "a,b")], &version(1)).await;
    let (hello, a, b) = (subject("Hello"), tag("a"), tag("b"));
    hub.app.hub().delete_tag(&alice, &hello, &a).await.unwrap();
    assert_eq!(pulled(&client, "Hello", "a").await, None);
    assert_eq!(hub.app.hub().delete_tag(&alice, &hello, &a).await.unwrap_err().code, "executor_not_found");
    assert_eq!(hub.app.hub().undelete_tag(&alice, &hello, &b).await.unwrap_err().code, "nothing_to_undelete");
    clock.advance(TimeDelta::days(6));
    assert_eq!(hub.app.hub().undelete_tag(&alice, &hello, &a).await.unwrap().commit, first);
    assert_eq!(pulled(&client, "Hello", "a").await, Some(first));
    hub.app.hub().delete_tag(&alice, &hello, &a).await.unwrap();
    clock.advance(TimeDelta::days(8));
    assert_eq!(hub.app.hub().undelete_tag(&alice, &hello, &a).await.unwrap_err().code, "nothing_to_undelete");
    let history =
        hub.app.hub().tag_history(&alice, &hello, Some(&a), None, PageSize::nearest(None)).await.unwrap();
    let changes: Vec<_> = history.items.iter().map(|c| (c.change, c.by.as_deref())).collect();
    let by = Some("alice");
    assert_eq!(
        changes,
        [(Change::Deleted, by), (Change::Created, by), (Change::Deleted, by), (Change::Created, by)]
    );
}

#[tokio::test]
async fn repeating_an_old_release_tells_truly_which_tags_it_has() {
    let hub = TestHub::start().await;
    let (_, client) = person(&hub, "alice").await;
    let first = pushed(&client, &[("immutableTags", "v1"), ("tags", "latest")], &version(1)).await;
    let second = pushed(&client, &[("immutableTags", "v2"), ("tags", "latest")], &version(2)).await;
    let fields = [("immutableTags", "v1"), ("tags", "latest,stable")];
    let again = push(&client, &fields, &version(1)).await;
    assert_eq!(again["type"], "complete");
    assert_eq!(again["payload"]["commit"]["tags"], json!(["stable", "v1"]), "{again}");
    assert!(again["warning"].as_str().unwrap().contains("latest stays with a later push"), "{again}");
    assert_eq!(pulled(&client, "Hello", "latest").await, Some(second));
    assert_eq!(pulled(&client, "Hello", "stable").await, Some(first));
}
