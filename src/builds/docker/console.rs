//! Which lines of a build do people get to see? Masked, whole, of bounded length and number; and the last few are
//! always at hand for the report of a failure.

use std::collections::VecDeque;

use tokio::sync::mpsc;

use crate::{builds::engine::BuildOutput, domain::limits::BuildLimits};

use super::mask::Masker;

/// Where a build's lines go.
#[derive(Debug)]
pub struct Console {
    output: mpsc::Sender<BuildOutput>,
    masker: Masker,
    line_bytes: usize,
    left: u64,
    limit: u64,
    dropped_lines: u64,
    recent: VecDeque<String>,
}

/// Lines that a fault carries at most.
pub const DECISIVE_LINES: usize = 15;

impl Console {
    /// A console for one build.
    pub fn new(output: mpsc::Sender<BuildOutput>, masker: Masker, limits: &BuildLimits) -> Self {
        Self {
            output,
            masker,
            line_bytes: limits.log_line_bytes,
            left: limits.log_bytes,
            limit: limits.log_bytes,
            dropped_lines: 0,
            recent: VecDeque::new(),
        }
    }

    /// Shows a line; waits while the reader is slow. Nobody reading is no reason to stop a build.
    pub async fn line(&mut self, text: &str) {
        let line = self.clean(text);
        if self.recent.len() == DECISIVE_LINES {
            self.recent.pop_front();
        }
        self.recent.push_back(line.clone());
        let bytes = line.len() as u64 + 1;
        if self.dropped_lines > 0 || bytes > self.left {
            if self.dropped_lines == 0 {
                let notice = format!(
                    "[the log is full: {} bytes are kept for a build; the build goes on, its further lines are not kept]",
                    self.limit
                );
                self.send(BuildOutput::Line(notice)).await;
            }
            self.dropped_lines += 1;
            return;
        }
        self.left -= bytes;
        self.send(BuildOutput::Line(line)).await;
    }

    /// Says how much was not kept, when the build is over.
    pub async fn finish(&mut self) {
        if self.dropped_lines > 0 {
            let notice = format!("[{} further lines were not kept]", self.dropped_lines);
            self.send(BuildOutput::Line(notice)).await;
        }
    }

    /// Tells the author something.
    pub async fn warn(&mut self, text: &str) {
        let warning = self.clean(text);
        self.send(BuildOutput::Warning(warning)).await;
    }

    /// `text` as people may see it: values masked, then cut to the length of a line.
    pub fn clean(&self, text: &str) -> String {
        let masked = self.masker.mask(text);
        // Postgres keeps no NUL in a text.
        let mut line = masked.replace('\0', "\u{fffd}");
        if line.len() > self.line_bytes {
            line.truncate(line.floor_char_boundary(self.line_bytes));
            line.push('…');
        }
        line
    }

    /// The last lines, oldest first, those included that were not kept.
    pub fn recent(&self) -> Vec<String> {
        self.recent.iter().cloned().collect()
    }

    /// Bytes that must be gathered of a line before it may be cut.
    pub fn line_bytes_before_masking(&self) -> usize {
        self.line_bytes.saturating_add(self.masker.longest())
    }

    async fn send(&self, output: BuildOutput) {
        let _ = self.output.send(output).await;
    }
}

/// Makes lines of chunks. A line that is written over (`\r` without `\n`, as progress bars do) counts as its last
/// state only.
#[derive(Debug)]
pub struct LineSplitter {
    line: Vec<u8>,
    limit: usize,
    overwrites: bool,
}

impl LineSplitter {
    /// Keeps at most `limit` bytes of a line and drops the rest.
    pub fn new(limit: usize) -> Self {
        Self { line: Vec::new(), limit, overwrites: false }
    }

    /// The lines that `chunk` completes.
    pub fn push(&mut self, chunk: &[u8]) -> Vec<String> {
        let mut lines = Vec::new();
        for &byte in chunk {
            match byte {
                b'\n' => {
                    self.overwrites = false;
                    lines.push(self.take());
                }
                b'\r' => self.overwrites = true,
                byte => {
                    if std::mem::take(&mut self.overwrites) {
                        self.line.clear();
                    }
                    if self.line.len() < self.limit {
                        self.line.push(byte);
                    }
                }
            }
        }
        lines
    }

    /// What is left when the stream ends.
    pub fn finish(&mut self) -> Option<String> {
        (!self.line.is_empty()).then(|| self.take())
    }

    fn take(&mut self) -> String {
        String::from_utf8_lossy(&std::mem::take(&mut self.line)).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::BuildEnv;

    fn console(limits: BuildLimits) -> (Console, mpsc::Receiver<BuildOutput>) {
        let (output, lines) = mpsc::channel(100);
        let env = BuildEnv::parse(r#"{"TOKEN": "hunter2-hunter2"}"#).expect("good variables");
        (Console::new(output, Masker::new(&env), &limits), lines)
    }

    fn drain(mut lines: mpsc::Receiver<BuildOutput>) -> Vec<String> {
        let mut all = Vec::new();
        while let Ok(BuildOutput::Line(line)) = lines.try_recv() {
            all.push(line);
        }
        all
    }

    #[test]
    fn lines_are_whole_whatever_the_chunks() {
        let mut splitter = LineSplitter::new(100);
        assert_eq!(splitter.push(b"on"), Vec::<String>::new());
        assert_eq!(splitter.push(b"e\r\ntwo\n10%\r20%\r"), ["one", "two"]);
        assert_eq!(splitter.push(b"\n50%\r100%"), ["20%"]);
        assert_eq!(splitter.finish().as_deref(), Some("100%"));
        assert_eq!(splitter.finish(), None);
    }

    #[tokio::test]
    async fn a_value_across_the_cut_of_a_long_line_is_masked() {
        let (mut console, lines) = console(BuildLimits { log_line_bytes: 10, ..BuildLimits::default() });
        let mut splitter = LineSplitter::new(console.line_bytes_before_masking());
        for line in splitter.push(b"12345hunter2-hunter2 and more\n") {
            console.line(&line).await;
        }
        assert_eq!(drain(lines), ["12345**** …"]);
    }

    #[tokio::test]
    async fn a_full_log_says_so_and_keeps_the_end_at_hand() {
        let (mut console, lines) = console(BuildLimits { log_bytes: 12, ..BuildLimits::default() });
        for text in ["first", "second", "third", "4"] {
            console.line(text).await;
        }
        console.finish().await;
        let lines = drain(lines);
        assert_eq!(lines.len(), 3);
        assert_eq!(lines[0], "first");
        assert!(lines[1].contains("log is full: 12 bytes"));
        assert!(lines[2].contains("3 further lines"));
        assert_eq!(console.recent().last().map(String::as_str), Some("4"));
    }
}
