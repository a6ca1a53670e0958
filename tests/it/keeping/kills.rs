//! Does a server that is killed at any moment keep what it acknowledged? The driver keeps its own journal; nothing that the Hub
//! says of itself is believed.
//!
//! Rounds: `EXECUTOR_HUB_TEST_CYCLES`, 20 without it. Every person writes only their own Executor, so that a round ends in one
//! of two states: what was acknowledged last, or what was on its way when the kill came.

use std::{
    collections::BTreeMap,
    io::{Cursor, Read as _},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use http::Method;
use serde_json::json;

use crate::support::{child::setting, client::Client, package::package, server::Installation};

const PEOPLE: usize = 3;
/// Protected tags of each person that are looked at after a kill; all of them at the end.
const SOME_PROTECTED: usize = 10;

/// Numbers that look like chance and are the same each time.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

/// What a tag may give: what was acknowledged last, or what was on its way.
#[derive(Debug, Clone, Default)]
struct Known {
    acknowledged: Option<u64>,
    on_its_way: Option<u64>,
}

impl Known {
    fn allows(&self, found: u64) -> bool {
        [self.acknowledged, self.on_its_way].contains(&Some(found))
    }

    fn settle(&mut self, found: u64) {
        *self = Self { acknowledged: Some(found), on_its_way: None };
    }
}

/// What one person knows to be so.
struct Journal {
    name: String,
    token: String,
    tags: BTreeMap<String, Known>,
    protected: BTreeMap<String, u64>,
    commits: BTreeMap<u64, String>,
    next: u64,
    chance: Chance,
}

impl Journal {
    fn package_of(&self, version: u64) -> crate::support::package::Package {
        package(&self.name).with("README.md", &format!("version {version}\n"))
    }

    /// Does things until the server is gone.
    async fn act(&mut self, client: &Client, requests: &AtomicU32) {
        loop {
            requests.fetch_add(1, Ordering::SeqCst);
            let goes_on = match self.chance.below(6) {
                0 | 1 => self.push(client, "latest", false).await,
                2 => {
                    let tag = format!("v{}", self.next);
                    self.push(client, &tag, true).await
                }
                3 => self.move_tag(client).await,
                _ => match self.pull(client, "latest").await {
                    Some(found) => {
                        if let Some(found) = found {
                            assert!(self.tags["latest"].allows(found), "{} gave {found}", self.name);
                        }
                        true
                    }
                    None => false,
                },
            };
            if !goes_on {
                return;
            }
        }
    }

    async fn push(&mut self, client: &Client, tag: &str, protect: bool) -> bool {
        let version = self.next;
        self.next += 1;
        self.tags.entry(tag.to_owned()).or_default().on_its_way = Some(version);
        let field = if protect { "immutableTags" } else { "tags" };
        let package = self.package_of(version);
        let Some(answer) = client.try_push("executor.push", &[(field, tag)], &package).await else {
            return false;
        };
        let Some(line) = answer.try_last_line().filter(|line| line["type"] == "complete") else {
            return false;
        };
        self.commits.insert(version, line["payload"]["commit"]["id"].as_str().unwrap().to_owned());
        self.tags.entry(tag.to_owned()).or_default().settle(version);
        if protect {
            self.protected.insert(tag.to_owned(), version);
        }
        true
    }

    /// Points a tag at any commit that is known to be there.
    async fn move_tag(&mut self, client: &Client) -> bool {
        let known: Vec<u64> = self.commits.keys().copied().collect();
        let Some(last) = known.len().checked_sub(1) else { return true };
        let version = known[usize::try_from(self.chance.below(last as u64 + 1)).unwrap()];
        let path = format!("/api/v1/executors/{}/tags/moved", self.name);
        let body = json!({"commit": self.commits[&version]}).to_string().into_bytes();
        self.tags.entry("moved".to_owned()).or_default().on_its_way = Some(version);
        let headers = [("content-type", "application/json")];
        match client.try_send(Method::PUT, &path, &headers, body).await {
            Some(answer) => {
                assert!(answer.status.is_success(), "{}", String::from_utf8_lossy(&answer.body));
                self.tags.entry("moved".to_owned()).or_default().settle(version);
                true
            }
            None => false,
        }
    }

    /// The version that a tag gives: `None` when the server is gone, `Some(None)` when there is no such tag.
    async fn pull(&self, client: &Client, tag: &str) -> Option<Option<u64>> {
        let body = json!({"id": self.name, "tag": tag}).to_string().into_bytes();
        let headers = [("content-type", "application/json")];
        let answer = client.try_send(Method::POST, "/v2/rpc/executor.getPackage", &headers, body).await?;
        if answer.status == 404 {
            return Some(None);
        }
        assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
        let address = answer.json()["data"]["package"]["download"].as_str().unwrap().to_owned();
        let bytes = client.try_get(&address).await?;
        assert_eq!(bytes.status, 200, "a row without its bytes");
        let mut zip = zip::ZipArchive::new(Cursor::new(bytes.body)).unwrap();
        let mut readme = String::new();
        zip.by_name("README.md").unwrap().read_to_string(&mut readme).unwrap();
        Some(Some(readme.trim().strip_prefix("version ").unwrap().parse().unwrap()))
    }

    /// Holds the Hub against the journal, and takes for true what it finds of what may have happened.
    async fn compare(&mut self, client: &Client) {
        let most = self.protected.len() as u64;
        // All of them each time would be more pulls in a minute than this machine has ports.
        let some: Vec<u64> = (0..SOME_PROTECTED).map(|_| self.chance.below(most.max(1))).collect();
        for number in some {
            let chosen = self.protected.iter().nth(usize::try_from(number).unwrap());
            let Some((tag, version)) = chosen else { continue };
            let found = self.pull(client, tag).await.unwrap();
            assert_eq!(found, Some(*version), "protected {}:{tag}", self.name);
        }
        self.compare_moving(client).await;
    }

    /// The same with every protected tag that there ever was.
    async fn compare_all(&mut self, client: &Client) {
        for (tag, version) in &self.protected {
            let found = self.pull(client, tag).await.unwrap();
            assert_eq!(found, Some(*version), "protected {}:{tag}", self.name);
        }
        self.compare_moving(client).await;
    }

    /// Tags that may move, and protected ones that were pushed since the last look.
    async fn compare_moving(&mut self, client: &Client) {
        for (tag, known) in self.tags.clone() {
            let found = self.pull(client, &tag).await.unwrap();
            let Some(found) = found else {
                assert_eq!(known.acknowledged, None, "{}:{tag} is lost", self.name);
                self.tags.remove(&tag);
                continue;
            };
            assert!(known.allows(found), "{}:{tag} gives {found} and not {known:?}", self.name);
            if tag.starts_with('v') {
                self.tags.remove(&tag);
                self.protected.insert(tag, found);
            } else {
                self.tags.entry(tag).or_default().settle(found);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_killed_at_any_moment_keeps_what_it_acknowledged() {
    let rounds: u64 = setting("EXECUTOR_HUB_TEST_CYCLES").map_or(20, |rounds| rounds.parse().unwrap());
    let installation = Installation::without_engine().await;
    let server = installation.serve().await;
    let mut journals: Vec<Journal> = (0..PEOPLE)
        .map(|number| Journal {
            name: format!("Executor{number}"),
            token: installation.person(&format!("person{number}")),
            tags: BTreeMap::new(),
            protected: BTreeMap::new(),
            commits: BTreeMap::new(),
            next: 1,
            chance: Chance(0x9E37_79B9_7F4A_7C15 + number as u64),
        })
        .collect();
    server.kill();
    let mut slowest = Duration::ZERO;
    let mut when = Chance(42);
    for _ in 0..rounds {
        let begun = Instant::now();
        let server = installation.serve().await;
        slowest = slowest.max(begun.elapsed());
        let anonymous = server.anonymous();
        for journal in &mut journals {
            let client = anonymous.with_token(&journal.token);
            journal.compare(&client).await;
        }
        let requests = Arc::new(AtomicU32::new(0));
        let acting: Vec<_> = journals
            .drain(..)
            .map(|mut journal| {
                let (client, requests) = (anonymous.with_token(&journal.token), Arc::clone(&requests));
                tokio::spawn(async move {
                    journal.act(&client, &requests).await;
                    journal
                })
            })
            .collect();
        // So many requests from now, and a little: within any of them.
        let after = 5 + u32::try_from(when.below(20)).unwrap();
        while requests.load(Ordering::SeqCst) < after {
            tokio::task::yield_now().await;
        }
        for _ in 0..when.below(2_000) {
            tokio::task::yield_now().await;
        }
        server.kill();
        for acted in acting {
            journals.push(acted.await.unwrap());
        }
    }
    let server = installation.serve().await;
    for journal in &mut journals {
        let client = server.anonymous().with_token(&journal.token);
        journal.compare_all(&client).await;
    }
    let checked = installation.run(&["check", "--deep"]);
    assert_eq!(checked.lines().last(), Some("problems\t0"), "{checked}");
    let staging = installation.path().join("data/blobs/staging");
    assert_eq!(std::fs::read_dir(staging).unwrap().count(), 0, "what was on its way is gone");
    let acknowledged: usize = journals.iter().map(|journal| journal.commits.len()).sum();
    let protected: usize = journals.iter().map(|journal| journal.protected.len()).sum();
    eprintln!(
        "{rounds} kills, {acknowledged} acknowledged pushes, {protected} protected tags, ready again after {} ms at most",
        slowest.as_millis()
    );
    assert!(acknowledged > 0 && protected > 0);
}
