//! How does BuildKit's stream of states become lines of a console? As `docker build --progress=plain` prints them:
//! each step has a number, its header comes first, its end last, and every line names its step.

use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};

use bollard::moby::buildkit::v1::{StatusResponse, Vertex, VertexLog, VertexStatus};

use super::{
    classify::is_telling,
    console::{DECISIVE_LINES, LineSplitter},
};

/// Lines from before the last ones that a failed step is shown with, at most.
const TELLING_LINES: usize = 6;

/// The steps of one build as far as they were reported.
#[derive(Debug)]
pub struct Progress {
    steps: HashMap<String, Step>,
    numbered: usize,
    line_limit: usize,
    failed: Option<String>,
}

#[derive(Debug)]
struct Step {
    number: usize,
    name: String,
    started: Duration,
    ended: bool,
    error: String,
    stdout: LineSplitter,
    stderr: LineSplitter,
    last_lines: VecDeque<String>,
    /// Telling lines that are no longer among the last ones.
    telling_lines: VecDeque<String>,
    printed_statuses: Vec<String>,
}

/// The step that ended a build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedStep {
    /// Its instruction, such as `RUN pip install -r requirements.txt`.
    pub name: String,
    /// What the engine says of it.
    pub error: String,
    /// The last that it printed.
    pub lines: Vec<String>,
}

impl Progress {
    /// `line_limit` bounds the bytes that are kept of a line.
    pub fn new(line_limit: usize) -> Self {
        Self { steps: HashMap::new(), numbered: 0, line_limit, failed: None }
    }

    /// The lines that a report adds.
    pub fn update(&mut self, report: &StatusResponse) -> Vec<String> {
        let mut lines = Vec::new();
        for vertex in &report.vertexes {
            self.begin(vertex, &mut lines);
        }
        for status in &report.statuses {
            self.status(status, &mut lines);
        }
        for log in &report.logs {
            self.log(log, &mut lines);
        }
        for vertex in &report.vertexes {
            self.end(vertex, &mut lines);
        }
        lines
    }

    /// The step that failed first, if one did.
    pub fn failed(&self) -> Option<FailedStep> {
        let step = self.steps.get(self.failed.as_ref()?)?;
        Some(FailedStep {
            name: without_counter(&step.name).to_owned(),
            error: step.error.clone(),
            lines: step.decisive_lines(),
        })
    }

    /// What the still open steps have printed without a line end.
    pub fn finish(&mut self) -> Vec<String> {
        self.steps.values_mut().flat_map(Step::flush).collect()
    }

    fn begin(&mut self, vertex: &Vertex, lines: &mut Vec<String>) {
        let Some(started) = &vertex.started else { return };
        let started = instant(started.seconds, started.nanos);
        if self.steps.contains_key(&vertex.digest) {
            return;
        }
        self.numbered += 1;
        let step = Step {
            number: self.numbered,
            name: vertex.name.clone(),
            started,
            ended: false,
            error: String::new(),
            stdout: LineSplitter::new(self.line_limit),
            stderr: LineSplitter::new(self.line_limit),
            last_lines: VecDeque::new(),
            telling_lines: VecDeque::new(),
            printed_statuses: Vec::new(),
        };
        lines.push(format!("#{} {}", step.number, step.name));
        self.steps.insert(vertex.digest.clone(), step);
    }

    fn log(&mut self, log: &VertexLog, lines: &mut Vec<String>) {
        let Some(step) = self.steps.get_mut(&log.vertex) else { return };
        let at = log.timestamp.as_ref().map_or(step.started, |time| instant(time.seconds, time.nanos));
        let since = at.saturating_sub(step.started);
        let splitter = if log.stream == 2 { &mut step.stderr } else { &mut step.stdout };
        for line in splitter.push(&log.msg) {
            lines.push(step.print(since, line));
        }
    }

    /// Downloads and exports report often; one line each, when they are done, is enough for a log.
    fn status(&mut self, status: &VertexStatus, lines: &mut Vec<String>) {
        let Some(step) = self.steps.get_mut(&status.vertex) else { return };
        let Some(completed) = &status.completed else { return };
        let label = if status.name.is_empty() { &status.id } else { &status.name };
        if step.printed_statuses.contains(label) {
            return;
        }
        step.printed_statuses.push(label.clone());
        let took = status.started.as_ref().map_or(Duration::ZERO, |started| {
            let end = instant(completed.seconds, completed.nanos);
            end.saturating_sub(instant(started.seconds, started.nanos))
        });
        let size = if status.total > 0 { format!(" {}", megabytes(status.total)) } else { String::new() };
        lines.push(format!("#{} {label}{size} {:.1}s done", step.number, took.as_secs_f64()));
    }

    fn end(&mut self, vertex: &Vertex, lines: &mut Vec<String>) {
        let Some(step) = self.steps.get_mut(&vertex.digest) else { return };
        let Some(completed) = &vertex.completed else { return };
        if std::mem::replace(&mut step.ended, true) {
            return;
        }
        lines.extend(step.flush());
        let took = instant(completed.seconds, completed.nanos).saturating_sub(step.started);
        let number = step.number;
        lines.push(match vertex.error.as_str() {
            "" if vertex.cached => format!("#{number} CACHED"),
            "" => format!("#{number} DONE {:.1}s", took.as_secs_f64()),
            error if error.ends_with("context canceled") => format!("#{number} CANCELED"),
            error => {
                error.clone_into(&mut step.error);
                self.failed.get_or_insert_with(|| vertex.digest.clone());
                format!("#{number} ERROR: {error}")
            }
        });
    }
}

impl Step {
    fn print(&mut self, since: Duration, line: String) -> String {
        let printed = format!("#{} {:.3} {line}", self.number, since.as_secs_f64());
        if self.last_lines.len() == DECISIVE_LINES
            && let Some(oldest) = self.last_lines.pop_front()
            && is_telling(&oldest)
        {
            if self.telling_lines.len() == TELLING_LINES {
                self.telling_lines.pop_front();
            }
            self.telling_lines.push_back(oldest);
        }
        self.last_lines.push_back(line);
        printed
    }

    /// The last lines, of which those give way first that tell nothing.
    fn decisive_lines(&self) -> Vec<String> {
        let mut lines: Vec<String> = self.telling_lines.iter().chain(&self.last_lines).cloned().collect();
        while lines.len() > DECISIVE_LINES {
            let least = lines.iter().position(|line| !is_telling(line)).unwrap_or(0);
            lines.remove(least);
        }
        lines
    }

    fn flush(&mut self) -> Vec<String> {
        let open = [self.stdout.finish(), self.stderr.finish()];
        open.into_iter().flatten().map(|line| self.print(Duration::ZERO, line)).collect()
    }
}

/// Seconds and nanoseconds since 1970 of a protobuf timestamp.
fn instant(seconds: i64, nanos: i32) -> Duration {
    Duration::from_secs(u64::try_from(seconds).unwrap_or(0))
        + Duration::from_nanos(u64::try_from(nanos).unwrap_or(0))
}

fn megabytes(bytes: i64) -> String {
    let tenths = bytes / 100_000;
    format!("{}.{}MB", tenths / 10, tenths % 10)
}

/// `[builder 2/3] RUN x` as `RUN x`.
fn without_counter(name: &str) -> &str {
    name.strip_prefix('[').and_then(|name| name.split_once("] ")).map_or(name, |(_, rest)| rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vertex(digest: &str, name: &str, times: (i64, Option<i64>)) -> Vertex {
        let mut vertex = Vertex { digest: digest.into(), name: name.into(), ..Vertex::default() };
        vertex.started.get_or_insert_default().seconds = times.0;
        if let Some(completed) = times.1 {
            vertex.completed.get_or_insert_default().seconds = completed;
        }
        vertex
    }

    fn log(digest: &str, at: i64, stream: i64, text: &str) -> VertexLog {
        let mut log = VertexLog { vertex: digest.into(), stream, msg: text.into(), ..VertexLog::default() };
        let time = log.timestamp.get_or_insert_default();
        (time.seconds, time.nanos) = (at, 312_000_000);
        log
    }

    #[test]
    fn steps_are_told_in_plain_form() {
        let mut progress = Progress::new(1000);
        let first = StatusResponse {
            vertexes: vec![
                vertex("a", "[1/2] FROM base", (10, Some(10))),
                vertex("b", "[2/2] RUN x", (10, None)),
            ],
            logs: vec![log("b", 10, 1, "he"), log("b", 10, 2, "warn\n"), log("b", 11, 1, "llo\nrest")],
            ..StatusResponse::default()
        };
        assert_eq!(
            progress.update(&first),
            ["#1 [1/2] FROM base", "#2 [2/2] RUN x", "#2 0.312 warn", "#2 1.312 hello", "#1 DONE 0.0s"]
        );
        let last =
            StatusResponse { vertexes: vec![vertex("b", "", (10, Some(14)))], ..StatusResponse::default() };
        assert_eq!(progress.update(&last), ["#2 0.000 rest", "#2 DONE 4.0s"]);
        assert!(progress.update(&last).is_empty());
        assert_eq!(progress.failed(), None);
    }

    #[test]
    fn the_line_that_tells_why_is_kept_however_much_follows_it() {
        let mut progress = Progress::new(1000);
        let mut failed = vertex("a", "RUN x", (1, Some(2)));
        failed.error = "exit code: 1".into();
        let noise = "noise\n".repeat(40);
        let text = format!("ERROR: No matching distribution found for x\n{noise}the end\n");
        progress.update(&StatusResponse {
            vertexes: vec![failed],
            logs: vec![log("a", 1, 1, &text)],
            ..StatusResponse::default()
        });
        let lines = progress.failed().expect("a failed step").lines;
        assert_eq!(lines.len(), DECISIVE_LINES);
        assert!(lines[0].starts_with("ERROR: No matching") && lines[DECISIVE_LINES - 1] == "the end");
    }

    #[test]
    fn the_first_failing_step_is_remembered_and_the_stopped_ones_are_not() {
        let mut progress = Progress::new(1000);
        let mut stopped = vertex("a", "[a 1/2] RUN other", (1, Some(2)));
        stopped.error = "failed: context canceled".into();
        let mut failed = vertex("b", "[b 2/2] RUN false", (1, Some(2)));
        failed.error = "exit code: 1".into();
        let mut cached = vertex("c", "[internal] load", (1, Some(1)));
        cached.cached = true;
        let report = StatusResponse {
            logs: vec![log("b", 1, 1, "last words\n")],
            vertexes: vec![stopped, failed, cached],
            ..StatusResponse::default()
        };
        let lines = progress.update(&report);
        assert_eq!(lines[4..], ["#1 CANCELED", "#2 ERROR: exit code: 1", "#3 CACHED"]);
        let step = progress.failed().expect("a failed step");
        assert_eq!(
            (step.name.as_str(), step.lines.as_slice()),
            ("RUN false", &["last words".to_owned()][..])
        );
    }
}
