//! How do a package's files reach the engine? As a tar that is written while it is sent: nothing of it is ever whole
//! in memory or on disk. The rewritten Dockerfile takes the place of the author's, so that `COPY . .` copies no file
//! that the package does not have.

use std::{
    fs::File,
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use bytes::Bytes;
use tokio::{sync::mpsc, task::JoinHandle};
use tokio_stream::wrappers::ReceiverStream;

use super::ignore::Ignore;

/// Why a package could not be sent. It was checked when it was accepted, so these are faults of the Hub or its disk.
#[derive(Debug, thiserror::Error)]
pub enum ContextError {
    /// The file is gone or damaged.
    #[error("the stored package cannot be read: {0}")]
    Package(#[from] zip::result::ZipError),
    /// A read failed.
    #[error("the stored package cannot be read: {0}")]
    Read(#[from] io::Error),
    /// A name that would leave the context, or a link.
    #[error("the stored package holds '{0}', which cannot be sent to the engine")]
    Entry(String),
    /// A text that is read for its meaning is larger than 1 MiB.
    #[error("'{0}' is larger than 1 MiB")]
    TooLarge(String),
}

/// The texts that decide how a package is built.
#[derive(Debug)]
pub struct Recipe {
    /// The author's Dockerfile, when the package has it.
    pub dockerfile: Option<String>,
    /// Its `.dockerignore`, empty when there is none.
    pub ignore: String,
}

/// Largest Dockerfile or `.dockerignore`.
const MAX_TEXT: u64 = 1 << 20;
const CHUNK: usize = 64 << 10;
/// Chunks on their way to the engine.
const CHUNKS_IN_FLIGHT: usize = 8;
/// 2 January 1980: fixed, so that the same package makes the same layers, and late enough for zips and wheels, which
/// know no time before 1980 in any time zone.
const MODIFIED: u64 = 315_619_200;

/// Reads Dockerfile and `.dockerignore` of the package zip. Blocks.
pub fn read_recipe(package: &Path, dockerfile: &str) -> Result<Recipe, ContextError> {
    let mut archive = zip::ZipArchive::new(File::open(package)?)?;
    // As with `docker build`: a file named after the Dockerfile beats the general one.
    let own_ignore = read_text(&mut archive, &format!("{dockerfile}.dockerignore"))?;
    let ignore = match own_ignore {
        Some(text) => text,
        None => read_text(&mut archive, ".dockerignore")?.unwrap_or_default(),
    };
    Ok(Recipe { dockerfile: read_text(&mut archive, dockerfile)?, ignore })
}

fn read_text(archive: &mut zip::ZipArchive<File>, name: &str) -> Result<Option<String>, ContextError> {
    let entry = match archive.by_name(name) {
        Ok(entry) => entry,
        Err(zip::result::ZipError::FileNotFound) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let mut bytes = Vec::new();
    entry.take(MAX_TEXT + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_TEXT {
        return Err(ContextError::TooLarge(name.to_owned()));
    }
    Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
}

/// What is to be sent.
#[derive(Debug)]
pub struct Context {
    /// The package zip.
    pub package: PathBuf,
    /// Where the Dockerfile lies in it.
    pub dockerfile: String,
    /// What to send in its place.
    pub rewritten: String,
    /// What to leave out.
    pub ignore: Ignore,
}

/// The tar as a stream, and how its writing ended. Dropping the stream ends the writing.
pub fn send(context: Context) -> (ReceiverStream<io::Result<Bytes>>, JoinHandle<Result<(), ContextError>>) {
    let (sender, receiver) = mpsc::channel(CHUNKS_IN_FLIGHT);
    let writing = tokio::task::spawn_blocking(move || {
        let result = write_tar(&context, Chunks::new(sender.clone()), &|| sender.is_closed());
        if let Err(error) = &result {
            // The engine must not take a torn tar for a whole one.
            let _ = sender.blocking_send(Err(io::Error::other(error.to_string())));
        }
        result
    });
    (ReceiverStream::new(receiver), writing)
}

/// Writes the whole tar, or stops when nobody wants it: many ignored files are many files without a write.
fn write_tar<W: Write>(
    context: &Context,
    out: W,
    is_unwanted: &dyn Fn() -> bool,
) -> Result<(), ContextError> {
    let mut archive = zip::ZipArchive::new(File::open(&context.package)?)?;
    let mut tar = tar::Builder::new(out);
    let rewritten = context.rewritten.as_bytes();
    let mut header = header(tar::EntryType::Regular, 0o644, rewritten.len() as u64);
    tar.append_data(&mut header, &context.dockerfile, rewritten)?;
    for index in 0..archive.len() {
        if is_unwanted() {
            return Err(io::Error::from(io::ErrorKind::BrokenPipe).into());
        }
        let entry = archive.by_index(index)?;
        let name = entry.name()?.trim_end_matches('/').to_owned();
        if entry.enclosed_name().is_none() || entry.is_symlink() {
            return Err(ContextError::Entry(name));
        }
        if name == context.dockerfile || context.ignore.excludes(&name) {
            continue;
        }
        append(&mut tar, entry, &name)?;
    }
    tar.into_inner()?.flush()?;
    Ok(())
}

fn append<W: Write, R: Read>(
    tar: &mut tar::Builder<W>,
    entry: zip::read::ZipFile<'_, R>,
    name: &str,
) -> Result<(), ContextError> {
    if entry.is_dir() {
        tar.append_data(&mut header(tar::EntryType::Directory, 0o755, 0), name, io::empty())?;
        return Ok(());
    }
    let executable = entry.unix_mode().is_some_and(|mode| mode & 0o111 != 0);
    let size = entry.size();
    let mut header = header(tar::EntryType::Regular, if executable { 0o755 } else { 0o644 }, size);
    // A size that lies must not run over into the next entry of the tar.
    let mut bounded = entry.take(size);
    tar.append_data(&mut header, name, &mut bounded)?;
    if bounded.limit() != 0 {
        return Err(ContextError::Entry(name.to_owned()));
    }
    Ok(())
}

fn header(kind: tar::EntryType, mode: u32, size: u64) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(size);
    header.set_mtime(MODIFIED);
    header.set_uid(0);
    header.set_gid(0);
    header
}

/// Gathers what is written into chunks and waits while too many are on their way.
struct Chunks {
    sender: mpsc::Sender<io::Result<Bytes>>,
    buffer: Vec<u8>,
}

impl Chunks {
    fn new(sender: mpsc::Sender<io::Result<Bytes>>) -> Self {
        Self { sender, buffer: Vec::with_capacity(CHUNK) }
    }
}

impl Write for Chunks {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        let (taken, _) = data.split_at(data.len().min(CHUNK - self.buffer.len()));
        self.buffer.extend_from_slice(taken);
        if self.buffer.len() == CHUNK {
            self.flush()?;
        }
        Ok(taken.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let chunk = std::mem::replace(&mut self.buffer, Vec::with_capacity(CHUNK));
        self.sender
            .blocking_send(Ok(chunk.into()))
            .map_err(|_| io::Error::new(io::ErrorKind::BrokenPipe, "the engine takes no more"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(files: &[(&str, &str)]) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().expect("a file");
        let mut zip = zip::ZipWriter::new(file.reopen().expect("the same file"));
        for (name, text) in files {
            zip.start_file(*name, zip::write::SimpleFileOptions::default()).expect("an entry");
            zip.write_all(text.as_bytes()).expect("its bytes");
        }
        zip.finish().expect("a zip");
        file
    }

    fn listing(context: &Context) -> Vec<(String, String)> {
        let mut bytes = Vec::new();
        write_tar(context, &mut bytes, &|| false).expect("a tar");
        let mut tar = tar::Archive::new(bytes.as_slice());
        tar.entries()
            .expect("entries")
            .map(|entry| {
                let mut entry = entry.expect("an entry");
                let mut text = String::new();
                entry.read_to_string(&mut text).expect("text");
                (entry.path().expect("a path").display().to_string(), text)
            })
            .collect()
    }

    #[test]
    fn the_rewritten_dockerfile_takes_the_place_of_the_authors() {
        let long = format!("{}/x.py", "d".repeat(150));
        let file = package(&[("Dockerfile", "FROM evil"), ("a.py", "1"), ("notes.md", "2"), (&long, "3")]);
        let context = Context {
            package: file.path().to_owned(),
            dockerfile: "Dockerfile".into(),
            rewritten: "FROM good".into(),
            ignore: Ignore::parse("*.md").expect("good"),
        };
        assert_eq!(
            listing(&context),
            [("Dockerfile".into(), "FROM good".into()), ("a.py".into(), "1".into()), (long, "3".into())]
        );
    }

    #[test]
    fn the_dockerfiles_own_ignore_file_beats_the_general_one() {
        let file = package(&[(".dockerignore", "a"), ("gpu.Dockerfile.dockerignore", "b")]);
        assert_eq!(read_recipe(file.path(), "gpu.Dockerfile").expect("read").ignore, "b");
        let general = read_recipe(file.path(), "Dockerfile").expect("read");
        assert_eq!(general.ignore, "a");
        assert!(general.dockerfile.is_none());
    }

    #[tokio::test]
    async fn a_dropped_stream_ends_the_writing() {
        let file = package(&[("big", &"x".repeat(CHUNK * 40))]);
        let (stream, writing) = send(Context {
            package: file.path().to_owned(),
            dockerfile: "Dockerfile".into(),
            rewritten: String::new(),
            ignore: Ignore::default(),
        });
        drop(stream);
        assert!(writing.await.expect("no panic").is_err());
    }
}
