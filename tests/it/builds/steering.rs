//! Stopping, trying again, pausing, turns: what people and faults do to the queue, through the use cases and real workers.

use std::{sync::Arc, time::Duration};

use executor_hub::{
    auth::Caller,
    builds::holder::{Concluded, Outcome},
    domain::{
        ExecutorRef, Secret, TaskId,
        task::{FaultKind, Phase, TaskState},
        user::Role,
    },
    error::ErrorKind,
};
use serde_json::json;

use super::world::{World, built};
use crate::support::{
    client::Client,
    engine::Script,
    hub::{TestHub, Wanted},
    package::package,
};

async fn hub() -> TestHub {
    TestHub::start_with(Wanted { without_worker: true, ..Wanted::default() }).await
}

/// Somebody, as a client and as a caller of use cases.
async fn person(hub: &TestHub, login: &str, role: Role) -> (Client, Caller) {
    let user = hub.app.auth().create_user(login, None, role).await.unwrap();
    let token = hub.app.auth().issue_personal_token(user.id, "test", Some(1)).await.unwrap();
    let credentials = executor_hub::auth::Credentials::Token(Secret::new(token.expose()));
    let caller = hub.app.auth().caller(&credentials).await.unwrap();
    (hub.anonymous().with_token(token.expose()), caller)
}

async fn push(client: &Client, name: &str) -> TaskId {
    let answer = client.push("executor.createAsync", &[], &package(name)).await.json();
    answer["data"]["_id"].as_str().unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_waiting_build_is_cancelled_at_once_and_its_followers_hear_of_it() {
    let hub = hub().await;
    let (client, alice) = person(&hub, "alice", Role::Member).await;
    let task = push(&client, "Hello").await;
    let cancelled = hub.app.hub().cancel_build(&alice, task, None).await.unwrap();
    assert_eq!(cancelled.state, TaskState::Cancelled);
    assert!(!hub.worker.run_next().await.unwrap(), "nobody takes it");
    let story = client.rpc("executor.queryProgress", json!({"id": task.to_string(), "replay": true})).await;
    assert!(story.last_line()["message"].as_str().unwrap().contains("cancelled"));
    let again = hub.app.hub().cancel_build(&alice, task, None).await.unwrap();
    assert_eq!(again.last_event, cancelled.last_event, "nothing is told twice");
}

#[tokio::test]
async fn a_running_build_is_stopped_long_before_its_next_heartbeat() {
    let hub = hub().await;
    let (client, alice) = person(&hub, "alice", Role::Member).await;
    let task = push(&client, "Hello").await;
    hub.engine.next(Script::Waits);
    let worker = Arc::clone(&hub.worker);
    let building = tokio::spawn(async move { worker.run_next().await });
    hub.engine.has_started().await;
    let wish = hub.app.hub().cancel_build(&alice, task, None).await.unwrap();
    assert!(wish.cancel_requested && wish.state == TaskState::Running);
    // The heartbeat comes every ten seconds; the wish travels by notification.
    tokio::time::timeout(Duration::from_secs(8), building).await.expect("it is told").unwrap().unwrap();
    let state: String = sqlx::query_scalar("SELECT state FROM tasks").fetch_one(&hub.pool).await.unwrap();
    assert_eq!(state, "cancelled");
    assert!(hub.engine.built().is_empty());
    assert_eq!(hub.count("tags").await, 0);
}

#[tokio::test]
async fn only_those_who_may_push_and_admins_may_stop_a_build() {
    let hub = hub().await;
    let (client, _) = person(&hub, "alice", Role::Member).await;
    let (_, bob) = person(&hub, "bob", Role::Member).await;
    let (_, root) = person(&hub, "root", Role::Admin).await;
    let task = push(&client, "Hello").await;
    for caller in [&bob, &Caller::Anonymous] {
        let refused = hub.app.hub().cancel_build(caller, task, None).await.unwrap_err();
        assert_eq!((refused.kind, refused.code), (ErrorKind::NotFound, "task_not_found"));
        assert_eq!(hub.app.hub().retry_build(caller, task, None).await.unwrap_err().code, "task_not_found");
        assert!(hub.app.hub().pause_builds(caller, "why not").await.is_err());
    }
    assert_eq!(hub.app.hub().cancel_build(&root, task, None).await.unwrap().state, TaskState::Cancelled);
}

#[tokio::test]
async fn the_secret_stops_a_build_of_an_executor_without_an_owner() {
    let hub = hub().await;
    let pushed = {
        let client = hub.anonymous();
        tokio::spawn(async move {
            client.push("executor.create", &[("secret", "open-sesame")], &package("Hello")).await
        })
    };
    let task = loop {
        let found: Option<uuid::Uuid> =
            sqlx::query_scalar("SELECT id FROM tasks").fetch_optional(&hub.pool).await.unwrap();
        match found {
            Some(task) => break TaskId(task),
            None => tokio::task::yield_now().await,
        }
    };
    let cancel = async |secret: Option<&str>| {
        let secret = secret.map(Secret::new);
        hub.app.hub().cancel_build(&Caller::Anonymous, task, secret.as_ref()).await
    };
    assert_eq!(cancel(None).await.unwrap_err().code, "build_not_yours");
    assert_eq!(cancel(Some("open")).await.unwrap_err().code, "build_not_yours");
    assert_eq!(cancel(Some("open-sesame")).await.unwrap().state, TaskState::Cancelled);
    assert_eq!(pushed.await.unwrap().last_line()["type"], "error", "the push is told");
}

#[tokio::test]
async fn a_failed_build_is_tried_again_as_a_new_task_with_all_its_tries() {
    let hub = hub().await;
    let (client, alice) = person(&hub, "alice", Role::Member).await;
    let task = push(&client, "Hello").await;
    hub.engine.next(Script::Fails(FaultKind::Network));
    assert!(hub.worker.run_next().await.unwrap());
    let first = hub.app.hub().retry_build(&alice, task, None).await.unwrap();
    let second = hub.app.hub().retry_build(&alice, task, None).await.unwrap();
    assert_eq!(first.id, second.id, "two who ask get one build");
    assert_eq!((first.retry_of, first.attempt), (Some(task), 0));
    assert!(hub.worker.run_next().await.unwrap());
    assert_eq!(client.rpc("executor.getPackage", json!({"id": "Hello"})).await.status, 200);
    let done = hub.app.hub().retry_build(&alice, first.id, None).await.unwrap_err();
    assert_eq!(done.code, "build_succeeded");
    let reference: ExecutorRef = "Hello".parse().unwrap();
    let states: Vec<TaskState> =
        hub.app.hub().tasks_of(&alice, &reference, 10).await.unwrap().iter().map(|task| task.state).collect();
    assert_eq!(states, [TaskState::Succeeded, TaskState::Failed]);
}

#[tokio::test]
async fn a_build_whose_variables_were_wiped_is_not_tried_again() {
    let hub = hub().await;
    let (client, alice) = person(&hub, "alice", Role::Member).await;
    let fields = [("buildEnv", r#"{"TOKEN": "hunter2"}"#)];
    let answer = client.push("executor.createAsync", &fields, &package("Hello")).await.json();
    let task = answer["data"]["_id"].as_str().unwrap().parse().unwrap();
    hub.engine.next(Script::Fails(FaultKind::Network));
    assert!(hub.worker.run_next().await.unwrap());
    assert_eq!(hub.app.hub().retry_build(&alice, task, None).await.unwrap_err().code, "build_env_gone");
}

#[tokio::test]
async fn a_paused_queue_says_why_and_goes_on_when_resumed() {
    let hub = hub().await;
    let (client, alice) = person(&hub, "alice", Role::Member).await;
    let (_, root) = person(&hub, "root", Role::Admin).await;
    let task = push(&client, "Hello").await;
    hub.app.hub().pause_builds(&root, "the disk is changed").await.unwrap();
    assert!(!hub.worker.run_next().await.unwrap());
    let waiting = hub.app.hub().waiting(task).await.unwrap().unwrap();
    assert_eq!(waiting.sentence(), "Next in line. The queue is paused: the disk is changed");
    assert!(hub.app.hub().builds_overview(&alice).await.is_err());
    let overview = hub.app.hub().builds_overview(&root).await.unwrap();
    assert_eq!(overview.pause.unwrap().reason, "the disk is changed");
    assert_eq!((overview.tasks.len(), overview.workers.len()), (1, 1));
    hub.app.hub().resume_builds(&root).await.unwrap();
    assert!(hub.worker.run_next().await.unwrap());
    assert_eq!(hub.app.hub().waiting(task).await.unwrap(), None);
}

#[tokio::test]
async fn a_failure_is_kept_with_its_class_its_lines_and_what_to_try() {
    let hub = hub().await;
    let (client, alice) = person(&hub, "alice", Role::Member).await;
    let task = push(&client, "Hello").await;
    hub.engine.next(Script::Explains);
    assert!(hub.worker.run_next().await.unwrap());
    let columns: (String, String, String, serde_json::Value) =
        sqlx::query_as("SELECT failure_kind, failure_message, failure_remedy, failure_lines FROM tasks")
            .fetch_one(&hub.pool)
            .await
            .unwrap();
    let expected = (
        "dependency".to_owned(),
        "A requirement does not exist.".to_owned(),
        "Look for its name on the package index.".to_owned(),
        json!(["ERROR: No matching distribution found for nonsense"]),
    );
    assert_eq!(columns, expected);
    let told = client
        .rpc("executor.queryProgress", json!({"id": task.to_string(), "replay": true}))
        .await
        .last_line();
    let text = told["message"].as_str().unwrap();
    for words in ["A requirement does not exist.", "No matching distribution", "Look for its name"] {
        assert!(text.contains(words), "{text}");
    }
    let task = hub.app.hub().watch(&alice, task, None).await.unwrap().task;
    let phases: Vec<Phase> = task.phases.iter().map(|time| time.phase).collect();
    assert_eq!(phases, [Phase::Package, Phase::Queue, Phase::Build]);
    assert!(task.phases.iter().all(|time| time.finished_at.is_some_and(|end| end >= time.started_at)));
}

#[tokio::test]
async fn owners_take_turns_whoever_pushed_more() {
    let world = World::new().await;
    let (many, few) = (world.executor(Some("many")).await, world.executor(Some("few")).await);
    let nobody = world.executor(None).await;
    let mut expected = Vec::new();
    let mut of_many = Vec::new();
    for _ in 0..4 {
        of_many.push(world.push(&many).await);
    }
    let first = world.push(&few).await;
    let anonymous = world.push(&nobody).await;
    let second = world.push(&few).await;
    expected.extend([of_many[0], first, anonymous, of_many[1], second, of_many[2], of_many[3]]);
    let holder = world.holder();
    let mut taken = Vec::new();
    while let Some(claimed) = holder.claim().await.unwrap() {
        taken.push(claimed.id);
    }
    assert_eq!(taken, expected);
}

#[tokio::test]
async fn a_long_line_of_one_owner_does_not_hold_up_the_next_who_comes() {
    let world = World::new().await;
    let (many, few) = (world.executor(Some("many")).await, world.executor(Some("few")).await);
    for _ in 0..5 {
        world.push(&many).await;
    }
    let holder = world.holder();
    for _ in 0..3 {
        let claimed = holder.claim().await.unwrap().unwrap();
        assert_eq!(holder.conclude(&claimed, &built("image")).await.unwrap(), Concluded::Succeeded);
    }
    let late = world.push(&few).await;
    let next = [holder.claim().await.unwrap().unwrap().id, holder.claim().await.unwrap().unwrap().id];
    assert!(next.contains(&late), "it comes in the next turn, not after the whole line");
}

#[tokio::test]
async fn an_engine_that_keeps_failing_pauses_its_worker_and_the_queue_only_when_it_is_the_last() {
    let world = World::new().await;
    let executor = world.executor(Some("alice")).await;
    let (sick, well) = (world.holder(), world.holder());
    world.sign_of_life(&sick).await;
    world.sign_of_life(&well).await;
    let fault = || Outcome::Faulted(executor_hub::builds::Fault::new(FaultKind::Engine, "It broke off."));
    for _ in 0..4 {
        world.push(&executor).await;
    }
    for _ in 0..3 {
        let claimed = sick.claim().await.unwrap().unwrap();
        assert_eq!(sick.conclude(&claimed, &fault()).await.unwrap(), Concluded::Requeued);
    }
    assert!(sick.claim().await.unwrap().is_none(), "it is paused");
    let claimed = well.claim().await.unwrap().expect("the other one goes on");
    well.conclude(&claimed, &built("image")).await.unwrap();
    world.clock.advance(chrono::TimeDelta::seconds(20));
    for _ in 0..3 {
        let claimed = well.claim().await.unwrap().unwrap();
        well.conclude(&claimed, &fault()).await.unwrap();
        world.clock.advance(chrono::TimeDelta::seconds(2));
    }
    let pause: String =
        sqlx::query_scalar("SELECT reason FROM queue_pause").fetch_one(&world.pool).await.unwrap();
    assert!(pause.contains("failed 3 times in a row: It broke off."), "{pause}");
    world.clock.advance(chrono::TimeDelta::minutes(2));
    let claimed = sick.claim().await.unwrap().expect("it resumes by itself");
    sick.conclude(&claimed, &built("image")).await.unwrap();
    let pauses: i64 =
        sqlx::query_scalar("SELECT count(*) FROM queue_pause").fetch_one(&world.pool).await.unwrap();
    assert_eq!(pauses, 0, "a build that works ends every pause");
}

#[tokio::test]
async fn a_worker_that_took_its_lost_task_again_is_not_mistaken_for_its_first_try() {
    let world = World::new().await;
    let executor = world.executor(Some("alice")).await;
    let task = world.push(&executor).await;
    let holder = world.holder();
    let first = holder.claim().await.unwrap().unwrap();
    world.clock.advance(chrono::TimeDelta::minutes(1));
    executor_hub::builds::sweeper::sweep(&world.store, world.clock.as_ref()).await.unwrap();
    world.clock.advance(chrono::TimeDelta::minutes(1));
    let second = holder.claim().await.unwrap().unwrap();
    assert_eq!(holder.conclude(&first, &built("stale")).await.unwrap(), Concluded::LeaseLost);
    assert_eq!(world.state(task).await, "running");
    assert_eq!(holder.conclude(&second, &built("image")).await.unwrap(), Concluded::Succeeded);
}

#[tokio::test]
async fn a_worker_told_to_stop_finishes_what_is_nearly_done() {
    let hub = TestHub::start_with(Wanted { set: vec!["builds.drain=20s"], ..Wanted::default() }).await;
    let (client, _) = person(&hub, "alice", Role::Member).await;
    hub.engine.next(Script::Waits);
    push(&client, "Hello").await;
    hub.engine.has_started().await;
    hub.app.stopping().cancel();
    hub.engine.release();
    let ended = async {
        loop {
            let state: String =
                sqlx::query_scalar("SELECT state FROM tasks").fetch_one(&hub.pool).await.unwrap();
            if state != "running" {
                return state;
            }
            tokio::task::yield_now().await;
        }
    };
    let state = tokio::time::timeout(Duration::from_secs(15), ended).await.unwrap();
    assert_eq!(state, "succeeded");
}

#[tokio::test]
async fn a_worker_told_to_stop_hands_back_what_takes_longer() {
    let hub = TestHub::start_with(Wanted {
        without_worker: true,
        set: vec!["builds.drain=0s"],
        ..Wanted::default()
    })
    .await;
    let (client, _) = person(&hub, "alice", Role::Member).await;
    hub.engine.next(Script::Waits);
    push(&client, "Hello").await;
    let working = tokio::spawn(Arc::clone(&hub.worker).run());
    hub.engine.has_started().await;
    hub.app.stopping().cancel();
    tokio::time::timeout(Duration::from_secs(15), working).await.expect("it ends").unwrap();
    let row: (String, i32, i32, i32) =
        sqlx::query_as("SELECT state, attempt, hand_backs, lost_leases FROM tasks")
            .fetch_one(&hub.pool)
            .await
            .unwrap();
    assert_eq!(row, ("pending".into(), 1, 1, 0), "no limit counts it");
    assert_eq!(hub.count("workers").await, 0, "it is off the list");
}
