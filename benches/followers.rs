//! How many lines does a server hand to its followers? Opens many followers of one story, has it told at a steady rate, and
//! checks that each gets every line once and in order. The same reader measures the Hub and nginx's nchan.
//!
//! ```text
//!   bench_followers hub   DATA_DIR HOST:PORT TASK TOKEN FOLLOWERS RATE SECONDS
//!   bench_followers nchan HOST:PORT PATH FOLLOWERS RATE SECONDS
//!   bench_followers stall DATA_DIR HOST:PORT TASK TOKEN SECONDS
//! ```
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a measurement that cannot go on should say where"
)]

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use executor_hub::{
    builds::{engine::BuildOutput, logs::StoryWriter},
    domain::{Clock as _, SystemClock, TaskId, WorkerId},
    postgres,
    store::{Store, task_leases},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
    sync::mpsc,
};

/// What a line of a build is like.
const LINE: &str =
    "#12 31.42   Downloading torch-2.4.0-cp311-cp311-manylinux1_x86_64.whl (797.2 MB)  made of words 000000";

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["hub", data_dir, address, task, token, followers, rate, seconds] => {
            let story = Story::take(data_dir, task).await;
            let request = request(address, task, token, "replay=false");
            let plan = Plan::of(followers, rate, seconds);
            let (lines, reading) = follow(address, &request, &plan).await;
            let begun = Instant::now();
            story.tell(&plan).await;
            report(&plan, begun, &lines, reading).await;
        }
        ["nchan", address, path, followers, rate, seconds] => {
            let request = format!("GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n");
            let plan = Plan::of(followers, rate, seconds);
            let (lines, reading) = follow(address, &request, &plan).await;
            let begun = Instant::now();
            publish(address, path, &plan).await;
            report(&plan, begun, &lines, reading).await;
        }
        ["stall", data_dir, address, task, token, seconds] => {
            stall(data_dir, address, task, token, seconds.parse().unwrap()).await;
        }
        _ => panic!("see the head of this file"),
    }
}

/// What is measured.
struct Plan {
    followers: u64,
    rate: u64,
    seconds: u64,
}

impl Plan {
    fn of(followers: &str, rate: &str, seconds: &str) -> Self {
        Self {
            followers: followers.parse().unwrap(),
            rate: rate.parse().unwrap(),
            seconds: seconds.parse().unwrap(),
        }
    }

    fn lines(&self) -> u64 {
        self.rate * self.seconds
    }
}

/// HTTP/1.0, so that both servers send the lines and nothing between them.
fn request(address: &str, task: &str, token: &str, query: &str) -> String {
    format!(
        "POST /v2/rpc/executor.queryProgress?id={task}&verbose=true&{query} HTTP/1.0\r\nHost: {address}\r\n\
         Authorization: token {token}\r\nContent-Length: 0\r\n\r\n"
    )
}

/// Opens all followers; returns when each has the head of its answer.
async fn follow(
    address: &str,
    request: &str,
    plan: &Plan,
) -> (Arc<AtomicU64>, Vec<tokio::task::JoinHandle<()>>) {
    let lines = Arc::new(AtomicU64::new(0));
    let mut reading = Vec::new();
    for _ in 0..plan.followers {
        let mut follower = Follower::open(address, request).await;
        follower.head().await;
        let (lines, expected) = (Arc::clone(&lines), plan.lines());
        reading.push(tokio::spawn(async move {
            let mut got = 0;
            while got < expected {
                let more = follower.console_lines().await.expect("the story breaks off");
                got += more;
                lines.fetch_add(more, Ordering::Relaxed);
            }
        }));
    }
    (lines, reading)
}

/// Prints lines a second, over the time from the first line told to the last line read by the last follower.
async fn report(plan: &Plan, begun: Instant, lines: &AtomicU64, reading: Vec<tokio::task::JoinHandle<()>>) {
    for follower in reading {
        tokio::time::timeout(Duration::from_mins(2), follower).await.expect("a follower hangs").unwrap();
    }
    let seconds = begun.elapsed().as_secs_f64();
    let all = lines.load(Ordering::Relaxed);
    assert_eq!(all, plan.followers * plan.lines(), "every line once");
    #[expect(clippy::cast_precision_loss, reason = "a rate of lines")]
    let rate = all as f64 / seconds;
    println!("{rate:.0}");
}

/// A reader that checks what it reads.
struct Follower {
    stream: TcpStream,
    buffer: Vec<u8>,
    last: Option<u64>,
}

impl Follower {
    async fn open(address: &str, request: &str) -> Self {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        Self { stream, buffer: Vec::with_capacity(64 << 10), last: None }
    }

    async fn head(&mut self) {
        loop {
            if let Some(end) = self.buffer.windows(4).position(|four| four == b"\r\n\r\n") {
                assert!(
                    self.buffer.starts_with(b"HTTP/1.") && self.buffer[9..].starts_with(b"200"),
                    "refused"
                );
                self.buffer.drain(..end + 4);
                return;
            }
            assert!(self.stream.read_buf(&mut self.buffer).await.unwrap() > 0, "no head");
        }
    }

    /// How many lines of the build the next piece brings; `None` at the end of the answer.
    async fn console_lines(&mut self) -> Option<u64> {
        if self.stream.read_buf(&mut self.buffer).await.unwrap_or(0) == 0 {
            return None;
        }
        let end = self.buffer.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let mut lines = 0;
        for line in self.buffer[..end].split(|byte| *byte == b'\n') {
            let Some(number) = number(line) else { continue };
            assert!(self.last.is_none_or(|last| number == last + 1), "{number} after {:?}", self.last);
            self.last = Some(number);
            lines += 1;
        }
        self.buffer.drain(..end);
        Some(lines)
    }
}

/// The `sn` of a line that a build printed.
fn number(line: &[u8]) -> Option<u64> {
    const KEY: &[u8] = b"\"sn\":";
    let at = line.windows(KEY.len()).rposition(|some| some == KEY)? + KEY.len();
    let digits = line[at..].iter().take_while(|byte| byte.is_ascii_digit());
    Some(digits.fold(0, |number, digit| number * 10 + u64::from(digit - b'0')))
}

/// The story of a task that this program holds, as a worker would.
struct Story {
    store: Store,
    task: TaskId,
    lease: task_leases::Lease,
}

impl Story {
    async fn take(data_dir: &str, task: &str) -> Self {
        let options = postgres::running_in(Path::new(data_dir)).expect("the Hub runs with its own Postgres");
        let store = Store::from_pool(sqlx::PgPool::connect_with(options).await.unwrap());
        let task: TaskId = task.parse().unwrap();
        let (worker, now) = (WorkerId::mint(), SystemClock.now());
        let until = now + chrono::TimeDelta::hours(1);
        let claimed = {
            let mut connection = store.read().await.unwrap();
            task_leases::claim(&mut connection, worker, until, now).await.unwrap().expect("the task waits")
        };
        assert_eq!(claimed.id, task);
        Self { store, task, lease: task_leases::Lease { worker, attempt: claimed.attempt } }
    }

    /// Tells the lines at their rate, through what writes the log of every build.
    async fn tell(self, plan: &Plan) {
        let (output, lines) = mpsc::channel(1024);
        let writer = StoryWriter::new(self.store, Arc::new(SystemClock), self.task, self.lease);
        let writing = tokio::spawn(writer.write(lines));
        let mut pace = tokio::time::interval(Duration::from_millis(10));
        for told in 0..plan.lines() {
            if told % (plan.rate / 100).max(1) == 0 {
                pace.tick().await;
            }
            output.send(BuildOutput::Line(LINE.to_owned())).await.unwrap();
        }
        drop(output);
        writing.await.unwrap().unwrap();
    }
}

/// Publishes the same lines to nchan over one connection, one message each, as fast as it takes them up to the rate.
async fn publish(address: &str, path: &str, plan: &Plan) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let mut pace = tokio::time::interval(Duration::from_millis(10));
    let path = path.replace("/sub", "/pub");
    let mut answer = vec![0; 4096];
    for told in 0..plan.lines() {
        if told % (plan.rate / 100).max(1) == 0 {
            pace.tick().await;
        }
        let body = format!(
            "{{\"data\":{{\"data\":{{\"payload\":\"{LINE}\",\"source\":\"executor-hub\",\"subject\":\"buildWorkspace\",\
             \"type\":\"console\"}},\"dt\":123456,\"sn\":{}}},\"type\":\"progress\"}}",
            told + 1
        );
        let head =
            format!("POST {path} HTTP/1.1\r\nHost: {address}\r\nContent-Length: {}\r\n\r\n", body.len());
        stream.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
        let read = stream.read(&mut answer).await.unwrap();
        assert!(answer[..read].starts_with(b"HTTP/1.1 20"), "{}", String::from_utf8_lossy(&answer[..read]));
    }
}

/// A reader that stops reading for so long is cut before the end, and comes back with its last number.
async fn stall(data_dir: &str, address: &str, task: &str, token: &str, seconds: u64) {
    const LINES: u64 = 200_000;
    let story = Story::take(data_dir, task).await;
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(16 << 10).unwrap();
    let mut stream = socket.connect(address.parse().unwrap()).await.unwrap();
    stream.write_all(request(address, task, token, "replay=false").as_bytes()).await.unwrap();
    let mut follower = Follower { stream, buffer: Vec::new(), last: None };
    follower.head().await;
    let telling =
        tokio::spawn(async move { story.tell(&Plan { followers: 1, rate: LINES, seconds: 1 }).await });
    let mut got = 0;
    while got < 100 {
        got += follower.console_lines().await.expect("it has begun");
    }
    telling.await.unwrap();
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    while let Some(more) = follower.console_lines().await {
        got += more;
    }
    assert!(got < LINES, "it was not cut");
    let last = follower.last.unwrap();
    let resumed = request(address, task, token, &format!("after={last}"));
    let mut again = Follower::open(address, &resumed).await;
    again.last = Some(last);
    again.head().await;
    while got < LINES {
        got += again.console_lines().await.expect("the rest is there");
    }
    println!("cut after line {last}, resumed, {got} of {LINES} lines once and in order");
}
