//! Followers: every event once, in order, without a gap, from any number on, whatever is sealed, slow or restarted meanwhile.

use std::{collections::HashSet, pin::pin, sync::Arc};

use executor_hub::{
    auth::Credentials,
    builds::{
        logs::StoryWriter,
        progress::{Followed, FollowedBatch, SharedEvent},
    },
    domain::{
        SystemClock, TaskId, WorkerId,
        task::{Phase, TaskEvent, TaskState},
    },
    store::{
        task_events::{self, Author},
        task_leases,
    },
};
use futures_util::{Stream, StreamExt as _};
use serde_json::json;
use tokio::sync::oneshot;

use crate::support::{
    client::Client,
    hub::{TestHub, Wanted},
    package::package,
};

/// A task that is held by nobody in particular, so that the test writes its story.
struct Told {
    hub: TestHub,
    task: TaskId,
    lease: task_leases::Lease,
    client: Client,
}

async fn told() -> Told {
    let hub = TestHub::start_with(Wanted { without_worker: true, ..Wanted::default() }).await;
    let client = hub.person("alice").await;
    let answer = client.push("executor.createAsync", &[], &package("Hello")).await.json();
    let task = answer["data"]["_id"].as_str().unwrap().parse().unwrap();
    let worker = WorkerId::mint();
    let now = now();
    let mut connection = hub.app.store().read().await.unwrap();
    let until = now + chrono::TimeDelta::hours(1);
    let claimed = task_leases::claim(&mut connection, worker, until, now).await.unwrap().unwrap();
    assert_eq!(claimed.id, task);
    drop(connection);
    Told { hub, task, lease: task_leases::Lease { worker, attempt: claimed.attempt }, client }
}

fn now() -> chrono::DateTime<chrono::Utc> {
    executor_hub::domain::Clock::now(&SystemClock)
}

impl Told {
    async fn print(&self, lines: impl Iterator<Item = i64>) {
        let store = self.hub.app.store().clone();
        let mut writer = StoryWriter::new(store, Arc::new(SystemClock), self.task, self.lease);
        let lines: Vec<i64> = lines.collect();
        for some in lines.chunks(200) {
            let events: Vec<TaskEvent> = some
                .iter()
                .map(|n| TaskEvent::Console { phase: Phase::Build, line: format!("#1 0.1 line {n}") })
                .collect();
            writer.append(&events).await.unwrap();
        }
    }

    async fn end(&self) {
        let report =
            TaskEvent::Report { state: TaskState::Succeeded, message: "Done.".into(), failure: None };
        let mut transaction = self.hub.app.store().begin().await.unwrap();
        let author = Author::Holder(self.lease);
        task_events::append(&mut transaction, self.task, author, &[report], now()).await.unwrap();
        let state = TaskState::Succeeded;
        assert!(
            task_leases::finish(&mut transaction, self.task, self.lease, state, None, now()).await.unwrap()
        );
        executor_hub::store::notify::task_events(&mut transaction, self.task).await.unwrap();
        transaction.commit().await.unwrap();
    }

    async fn last(&self) -> i64 {
        sqlx::query_scalar("SELECT last_event FROM tasks").fetch_one(&self.hub.pool).await.unwrap()
    }

    fn follow(&self, after: i64) -> impl Stream<Item = Followed> + use<> {
        self.hub.app.hub().follow(self.task, after)
    }

    async fn numbers(&self, after: i64) -> Vec<i64> {
        numbers(self.follow(after)).await
    }
}

async fn numbers(story: impl Stream<Item = Followed>) -> Vec<i64> {
    story
        .filter_map(async |followed| match followed {
            Followed::Event(event) => Some(event.number),
            Followed::Waiting(_) | Followed::Quiet => None,
        })
        .collect()
        .await
}

/// Tells `joined` when the first events have come.
async fn events_of(
    story: impl Stream<Item = FollowedBatch>,
    joined: oneshot::Sender<()>,
) -> Vec<Arc<SharedEvent>> {
    let mut events = Vec::new();
    let mut story = pin!(story);
    let mut joined = Some(joined);
    while let Some(batch) = story.next().await {
        if let FollowedBatch::Events(batch) = batch {
            events.extend(batch);
            if let Some(joined) = joined.take() {
                joined.send(()).unwrap();
            }
        }
    }
    events
}

#[tokio::test]
async fn a_sealed_story_is_read_from_any_number_as_it_was_before() {
    let told = told().await;
    told.print(0..1300).await;
    told.end().await;
    let last = told.last().await;
    let before: Vec<_> = told.follow(0).collect::<Vec<_>>().await;
    assert!(told.hub.app.sealer().seal(told.task).await.unwrap());
    assert!(!told.hub.app.sealer().seal(told.task).await.unwrap(), "once");
    assert_eq!(told.hub.count("task_events").await, 0);
    let after: Vec<_> = told.follow(0).collect::<Vec<_>>().await;
    assert_eq!(format!("{before:?}"), format!("{after:?}"));
    for start in [0, 1, 499, 500, 501, 999, 1000, last - 1] {
        assert_eq!(told.numbers(start).await, (start + 1..=last).collect::<Vec<_>>(), "after {start}");
    }
    assert_eq!(told.numbers(last).await, Vec::<i64>::new());
    assert_eq!(told.numbers(i64::MAX - 1).await, Vec::<i64>::new());
    let body = json!({"id": told.task.to_string(), "replay": true, "verbose": true});
    let lines = told.client.rpc("executor.queryProgress", body).await.lines();
    assert_eq!(lines.len(), usize::try_from(last).unwrap(), "the old clients get it too");
}

#[tokio::test]
async fn a_reader_in_the_middle_of_sealing_misses_nothing_and_gets_nothing_twice() {
    let told = told().await;
    told.print(0..2600).await;
    told.end().await;
    let mut story = pin!(told.follow(0));
    let mut seen = Vec::new();
    while seen.len() < 700 {
        if let Some(Followed::Event(event)) = story.next().await {
            seen.push(event.number);
        }
    }
    assert!(told.hub.app.sealer().seal(told.task).await.unwrap());
    seen.extend(numbers(story).await);
    assert_eq!(seen, (1..=told.last().await).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_follower_that_is_slower_than_the_ring_gets_every_line_once() {
    let told = told().await;
    let mut story = pin!(told.follow(0));
    assert!(matches!(story.next().await, Some(Followed::Event(_))), "it has joined");
    // Far more than the ring holds, while it does not read.
    told.print(0..6000).await;
    told.end().await;
    let mut seen = vec![1];
    seen.extend(numbers(story).await);
    assert_eq!(seen, (1..=told.last().await).collect::<Vec<_>>());
}

#[tokio::test]
async fn followers_of_one_process_share_what_one_reader_read() {
    let told = told().await;
    let start = told.last().await;
    let hub = told.hub.app.hub();
    let auth = told.hub.app.auth();
    let session = auth.open_session(auth.find_user("alice").await.unwrap().id, "test").await.unwrap();
    let alice = auth.caller(&Credentials::Token(session)).await.unwrap();
    let watched = hub.watch(&alice, told.task, None).await.unwrap();
    let (one, other) =
        (hub.follow_watched_batches(&watched, start), hub.follow_watched_batches(&watched, start));
    let ((one_joined, one_joins), (other_joined, other_joins)) = (oneshot::channel(), oneshot::channel());
    let (one, other) =
        (tokio::spawn(events_of(one, one_joined)), tokio::spawn(events_of(other, other_joined)));
    // Both have joined when the reader has shown them something.
    told.print(0..5).await;
    one_joins.await.unwrap();
    other_joins.await.unwrap();
    told.print(5..50).await;
    told.end().await;
    let (one, other) = (one.await.unwrap(), other.await.unwrap());
    let numbers =
        |events: &[Arc<SharedEvent>]| events.iter().map(|event| event.numbered.number).collect::<Vec<_>>();
    assert_eq!(numbers(&one), (start + 1..=told.last().await).collect::<Vec<_>>());
    assert_eq!(numbers(&one), numbers(&other));
    let mut renderings = 0;
    for event in one.iter().chain(&other) {
        event.rendered("test", |_| {
            renderings += 1;
            "x".into()
        });
    }
    let shared: HashSet<*const _> = one.iter().chain(&other).map(Arc::as_ptr).collect();
    assert_eq!(renderings, shared.len(), "each is rendered once");
    assert!(shared.len() < 2 * one.len(), "some at least came from one reader");
}

#[tokio::test]
async fn a_damaged_log_is_never_told_but_how_the_build_ended_is() {
    let told = told().await;
    told.print(0..20).await;
    told.end().await;
    assert!(told.hub.app.sealer().seal(told.task).await.unwrap());
    let object = told.hub.stored_files().into_iter().find(|path| path.contains("/logs/")).unwrap();
    let mut bytes = std::fs::read(&object).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&object, bytes).unwrap();
    let story: Vec<_> = told.follow(0).collect().await;
    assert_eq!(story.len(), 1, "{story:?}");
    assert!(matches!(&story[0], Followed::Event(event) if matches!(event.event, TaskEvent::Report { .. })));
}

#[tokio::test]
async fn the_log_goes_with_its_executor() {
    let told = told().await;
    told.end().await;
    assert!(told.hub.app.sealer().seal(told.task).await.unwrap());
    let logs = || told.hub.stored_files().iter().filter(|path| path.contains("/logs/")).count();
    assert_eq!(logs(), 1);
    sqlx::query("DELETE FROM executors").execute(&told.hub.pool).await.unwrap();
    told.hub.app.sealer().seal_finished().await.unwrap();
    assert_eq!((logs(), told.hub.count("task_log_leftovers").await), (0, 0));
}

#[tokio::test]
async fn a_line_that_the_database_refuses_is_replaced_and_the_others_are_kept() {
    let told = told().await;
    let start = told.last().await;
    let (output, lines) = tokio::sync::mpsc::channel(10);
    for line in ["before", "with \0 inside", "after"] {
        output.send(executor_hub::builds::engine::BuildOutput::Line(line.into())).await.unwrap();
    }
    drop(output);
    let store = told.hub.app.store().clone();
    StoryWriter::new(store, Arc::new(SystemClock), told.task, told.lease).write(lines).await.unwrap();
    let kept: Vec<String> =
        sqlx::query_scalar("SELECT event ->> 'line' FROM task_events WHERE number > $1 ORDER BY number")
            .bind(start)
            .fetch_all(&told.hub.pool)
            .await
            .unwrap();
    assert_eq!(kept, ["before", "[a line that cannot be kept was left out here]", "after"]);
}

#[tokio::test]
async fn colours_reach_those_who_ask_for_them_and_nobody_else() {
    let told = told().await;
    let store = told.hub.app.store().clone();
    let line = "\u{1b}[31mred\u{1b}[0m \u{1b}]0;title\u{7}".to_owned();
    let event = TaskEvent::Console { phase: Phase::Build, line };
    StoryWriter::new(store, Arc::new(SystemClock), told.task, told.lease).append(&[event]).await.unwrap();
    told.end().await;
    let payload = async |ansi: bool| {
        let body = json!({"id": told.task.to_string(), "replay": true, "verbose": true, "ansi": ansi});
        let lines = told.client.rpc("executor.queryProgress", body).await.lines();
        let line = lines.iter().find(|line| line["data"]["data"]["type"] == "console").unwrap().clone();
        line["data"]["data"]["payload"].as_str().unwrap().to_owned()
    };
    assert_eq!(payload(false).await, "red ");
    assert_eq!(payload(true).await, "\u{1b}[31mred\u{1b}[0m ");
}

#[tokio::test]
async fn who_waits_is_told_the_place_in_the_line() {
    let hub = TestHub::start_with(Wanted { without_worker: true, ..Wanted::default() }).await;
    let alice = hub.person("alice").await;
    let mut last = None;
    for name in ["First", "Second"] {
        let answer = alice.push("executor.createAsync", &[], &package(name)).await.json();
        last = answer["data"]["_id"].as_str().map(|id| id.parse::<TaskId>().unwrap());
    }
    let mut story = pin!(hub.app.hub().follow(last.unwrap(), 0));
    let waiting = loop {
        match story.next().await.unwrap() {
            Followed::Waiting(waiting) => break waiting,
            Followed::Event(_) | Followed::Quiet => {}
        }
    };
    assert_eq!((waiting.ahead, waiting.sentence().as_str()), (1, "1 build ahead."));
}
