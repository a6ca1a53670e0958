//! What did Postgres say last? It writes one file a day of the week; until it has opened that, it writes `start.log`.

use std::{
    fs::{self, File},
    io::{ErrorKind, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
};

use super::LaunchError;

/// More than the story of any failed start.
const TAIL_BYTES: u64 = 64 * 1024;

/// A new, empty `start.log`. A link that somebody put there is replaced, not followed: root writes here.
pub(super) fn start_log(logs: &Path) -> Result<File, LaunchError> {
    let path = logs.join("start.log");
    match fs::remove_file(&path) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            return Err(LaunchError::io("remove", path)(error));
        }
        Ok(()) | Err(_) => {}
    }
    File::create_new(&path).map_err(LaunchError::io("create", path))
}

/// The line that tells why a start failed, from the file that was written last.
pub(super) fn last_words(logs: &Path) -> String {
    let files: Vec<PathBuf> =
        fs::read_dir(logs).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    let newest =
        files.into_iter().max_by_key(|path| fs::metadata(path).and_then(|found| found.modified()).ok());
    let text = newest.and_then(|path| tail(&path)).unwrap_or_default();
    reason(&text).unwrap_or("it said nothing").to_owned()
}

/// The last fatal line; else the last that is no hint or detail of another.
fn reason(text: &str) -> Option<&str> {
    let lines = || text.lines().rev().filter(|line| !line.trim().is_empty());
    let fatal = lines().find(|line| line.contains("FATAL:") || line.contains("PANIC:"));
    fatal.or_else(|| lines().find(|line| !line.contains("HINT:") && !line.contains("DETAIL:"))).map(str::trim)
}

fn tail(path: &Path) -> Option<String> {
    let mut file = File::open(path).ok()?;
    let length = file.metadata().ok()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL_BYTES))).ok()?;
    let mut bytes = Vec::new();
    file.take(TAIL_BYTES).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fatal_line_is_the_reason() {
        let text =
            "LOG:  starting\nFATAL:  data directory has wrong ownership\nHINT:  chown it\nLOG:  done\n";
        assert_eq!(reason(text), Some("FATAL:  data directory has wrong ownership"));
        assert_eq!(reason("LOG:  one\nLOG:  two\nHINT:  three\n"), Some("LOG:  two"));
        assert_eq!(reason("\n"), None);
    }
}
