//! What is in the package of this tag or commit, and what changed since another? Folders, files and differences, each with its own
//! address; a file as it is only as something to save, never as a page.

use std::collections::BTreeMap;

use axum::{
    extract::{
        Path, Query, State,
        rejection::{PathRejection, QueryRejection},
    },
    http::{HeaderValue, header},
    response::{IntoResponse as _, Response},
};
use serde::Deserialize;

use super::{Asked, address, commit_of, tabs::short};
use crate::{
    app::App,
    domain::{ExecutorRef, package::Package},
    error::{Error, ErrorKind},
    http::{
        portal::{
            difference::{self, Difference},
            error::PageError,
            highlight::{self, Piece},
            moment,
            visitor::Visitor,
        },
        refused,
    },
    hub::{
        files::{Change, FilePart, Side},
        show::{CommitRow, Detail},
    },
};

/// Files that a comparison lists.
const CHANGES: usize = 500;
/// Files and folders of one folder that the page lists.
const ROWS: usize = 1000;
/// Bytes of a file that are shown.
const SHOWN: u64 = 256 << 10;
/// Lines of a file that are shown.
const LINES: usize = 5000;
/// Lines of a difference that are shown, of all files together.
const DIFFERENT_LINES: usize = 4000;
/// Bytes of a file that can be saved from a page; larger ones come with the package.
const SAVED: u64 = 8 << 20;

/// What the tab shows.
pub(in crate::http::portal) struct Files {
    /// The folders on the way, each with its address; the last is what is shown.
    pub(super) way: Vec<(String, String)>,
    pub(super) commit: String,
    /// Its tags, less the one that is shown.
    pub(super) others: Vec<(String, bool)>,
    pub(super) tag: String,
    pub(super) path: String,
    pub(super) view: View,
    pub(super) size: String,
    pub(super) digest: String,
}

/// What is looked at.
pub(super) enum View {
    Folder { rows: Vec<Row>, more: usize },
    File(FileView),
    Difference(Comparison),
}

pub(super) struct Row {
    pub(super) name: String,
    pub(super) link: String,
    pub(super) is_folder: bool,
    pub(super) size: String,
}

pub(super) struct FileView {
    pub(super) size: String,
    pub(super) raw: String,
    pub(super) body: Body,
}

pub(super) enum Body {
    Text { lines: Vec<Vec<Piece>>, is_cut: bool },
    Image,
    Binary,
}

pub(super) struct Comparison {
    pub(super) from: String,
    pub(super) to: String,
    pub(super) changes: Vec<ChangeView>,
    /// How many more there are.
    pub(super) more: usize,
    pub(super) back: String,
}

pub(super) struct ChangeView {
    pub(super) path: String,
    pub(super) link: Option<String>,
    pub(super) what: &'static str,
    pub(super) sizes: String,
    /// Why no lines are shown, if none are.
    pub(super) instead: &'static str,
    pub(super) lines: Difference,
}

/// What is known when the tab is made.
pub(super) struct Shown<'a> {
    pub(super) app: &'a App,
    pub(super) visitor: &'a Visitor,
    pub(super) reference: &'a ExecutorRef,
    pub(super) detail: &'a Detail,
    pub(super) chosen: &'a (CommitRow, Package),
    pub(super) asked: &'a Asked,
    pub(super) path: &'a str,
}

impl Shown<'_> {
    pub(super) async fn files(&self) -> Result<Files, Error> {
        let (commit, package) = self.chosen;
        let asked = self.asked;
        let view = if !asked.from.is_empty() {
            View::Difference(self.difference().await?)
        } else if package.files.iter().any(|file| file.path == asked.path) {
            View::File(self.file().await?)
        } else {
            self.folder()?
        };
        let tags = self.detail.tags.iter().filter(|tag| tag.commit != commit.id || tag.name == asked.from);
        Ok(Files {
            way: if asked.from.is_empty() { self.way() } else { Vec::new() },
            commit: short(commit.id),
            others: tags.map(|tag| (tag.name.clone(), tag.name == asked.from)).collect(),
            tag: self.tag(),
            path: self.path.to_owned(),
            view,
            size: moment::size(commit.package_size),
            digest: commit.package_sha256.to_string(),
        })
    }

    /// A tag of the commit that is shown, or nothing.
    fn tag(&self) -> String {
        let tags = &self.chosen.0.tags;
        let is_shown = |tag: &&String| **tag == self.asked.tag;
        tags.iter().find(is_shown).or_else(|| tags.first()).cloned().unwrap_or_default()
    }

    fn link(&self, file: &str) -> String {
        let asked = self.asked;
        address(
            self.path,
            &[("tab", "files"), ("tag", &asked.tag), ("commit", &asked.commit), ("path", file)],
        )
    }

    fn way(&self) -> Vec<(String, String)> {
        let mut way = vec![("Files".to_owned(), self.link(""))];
        let mut end = 0;
        for part in self.asked.path.split('/').filter(|part| !part.is_empty()) {
            end += part.len();
            let path = self.asked.path.get(..end).unwrap_or_default();
            way.push((part.to_owned(), self.link(path)));
            end += 1;
        }
        way
    }

    fn folder(&self) -> Result<View, Error> {
        let folder = &self.asked.path;
        let prefix = if folder.is_empty() { String::new() } else { format!("{folder}/") };
        let mut folders: BTreeMap<&str, (usize, u64)> = BTreeMap::new();
        let mut files = Vec::new();
        for file in &self.chosen.1.files {
            let Some(rest) = file.path.strip_prefix(&prefix) else { continue };
            match rest.split_once('/') {
                Some((name, _)) => {
                    let (count, size) = folders.entry(name).or_default();
                    *count += 1;
                    *size += file.size;
                }
                None => files.push((rest, file)),
            }
        }
        if folders.is_empty() && files.is_empty() {
            return Err(no_such_file());
        }
        let all = folders.len() + files.len();
        let folders = folders.into_iter().map(|(name, (count, size))| Row {
            name: name.to_owned(),
            link: self.link(&format!("{prefix}{name}")),
            is_folder: true,
            size: format!("{count} file{}, {}", if count == 1 { "" } else { "s" }, moment::size(size)),
        });
        let files = files.into_iter().map(|(name, file)| Row {
            name: name.to_owned(),
            link: self.link(&file.path),
            is_folder: false,
            size: moment::size(file.size),
        });
        Ok(View::Folder { rows: folders.chain(files).take(ROWS).collect(), more: all.saturating_sub(ROWS) })
    }

    async fn file(&self) -> Result<FileView, Error> {
        let (commit, path) = (self.chosen.0.id, self.asked.path.clone());
        let hub = self.app.hub();
        let part = hub.package_file(&self.visitor.caller, self.reference, commit, &path, SHOWN).await?;
        let commit = commit.to_string();
        let raw =
            address(&format!("/files/{}", self.detail.executor.id), &[("commit", &commit), ("path", &path)]);
        let size = moment::size(part.size);
        let body = off_the_runtime(move || body(&path, &part)).await?;
        Ok(FileView { size, raw, body })
    }

    async fn difference(&self) -> Result<Comparison, Error> {
        let before = commit_of(self.app, self.visitor, self.reference, self.detail, &self.asked.from).await?;
        let after = self.chosen.0.id;
        let hub = self.app.hub();
        let mut changes = hub.compare_commits(&self.visitor.caller, self.reference, before, after).await?;
        let more = changes.len().saturating_sub(CHANGES);
        changes.truncate(CHANGES);
        let changes = off_the_runtime(move || compared(changes)).await?;
        let linked = |change: ChangeView| ChangeView {
            link: (change.what != "removed").then(|| self.link(&change.path)),
            ..change
        };
        let tag = self.tag();
        Ok(Comparison {
            from: self.asked.from.clone(),
            to: if tag.is_empty() { short(after) } else { tag },
            changes: changes.into_iter().map(linked).collect(),
            more,
            back: self.link(""),
        })
    }
}

async fn off_the_runtime<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Error> {
    tokio::task::spawn_blocking(work).await.map_err(Error::internal)
}

fn body(path: &str, part: &FilePart) -> Body {
    if image(&part.bytes).is_some() && part.size <= SAVED {
        return Body::Image;
    }
    let Some(text) = text(part.size, &part.bytes) else { return Body::Binary };
    let mut lines = highlight::lines(path, text);
    let is_cut = lines.len() > LINES || part.size > part.bytes.len() as u64;
    lines.truncate(LINES);
    Body::Text { lines, is_cut }
}

/// The text that these first bytes of a file are, if they are text.
fn text(size: u64, bytes: &[u8]) -> Option<&str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Some(text),
        // The last character may be cut with the file.
        Err(error) if error.error_len().is_none() && size > bytes.len() as u64 => {
            std::str::from_utf8(bytes.get(..error.valid_up_to())?).ok()
        }
        Err(_) => None,
    }
    .filter(|text| !text.contains('\0'))
}

/// The kind of picture that these bytes are, of those that browsers only paint.
fn image(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a, ..] => Some("image/png"),
        [0xff, 0xd8, 0xff, ..] => Some("image/jpeg"),
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some("image/gif"),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some("image/webp"),
        _ => None,
    }
}

fn compared(changes: Vec<Change>) -> Vec<ChangeView> {
    let mut room = DIFFERENT_LINES;
    changes.into_iter().map(|change| compared_file(change, &mut room)).collect()
}

fn compared_file(change: Change, room: &mut usize) -> ChangeView {
    let told = |side: &Option<Side>| side.as_ref().map(|side| moment::size(side.size));
    let (what, sizes) = match (told(&change.before), told(&change.after)) {
        (None, after) => ("added", after.unwrap_or_default()),
        (before, None) => ("removed", before.unwrap_or_default()),
        (Some(before), Some(after)) if before == after => ("changed", after),
        (Some(before), Some(after)) => ("changed", format!("{before} → {after}")),
    };
    let side = |side: &Option<Side>| -> Option<Option<String>> {
        let Some(side) = side else { return Some(Some(String::new())) };
        let bytes = side.content.as_ref()?;
        Some(text(side.size, bytes).map(str::to_owned))
    };
    let mut lines = Difference::default();
    let instead = match (side(&change.before), side(&change.after)) {
        _ if change.is_guess => "Too large to be compared byte by byte: its size and checksum are the same.",
        _ if *room == 0 => "Too much has changed to be shown here.",
        (Some(Some(before)), Some(Some(after))) => {
            lines = difference::between(&before, &after, *room);
            *room -= lines.groups.iter().map(Vec::len).sum::<usize>().min(*room);
            if lines.groups.is_empty() { "Its lines are the same." } else { "" }
        }
        (None, _) | (_, None) => "Too large to be shown here.",
        _ => "It is no text.",
    };
    ChangeView {
        path: change.path,
        link: None,
        what: if change.is_guess { "perhaps the same" } else { what },
        sizes,
        instead,
        lines,
    }
}

#[derive(Debug, Deserialize)]
pub(in crate::http::portal) struct Wanted {
    commit: String,
    path: String,
}

/// `/files/{id}`: one file as it is. A picture is painted; everything else is for saving, whatever it says it is.
pub(in crate::http::portal) async fn raw(
    State(app): State<App>,
    visitor: Visitor,
    id: Result<Path<String>, PathRejection>,
    wanted: Result<Query<Wanted>, QueryRejection>,
) -> Result<Response, PageError> {
    let Path(id) = id.map_err(refused::path)?;
    let Query(wanted) = wanted.map_err(refused::query)?;
    let reference: ExecutorRef = id.parse().map_err(|_| super::missing())?;
    let commit = wanted.commit.parse().map_err(|_| super::missing())?;
    let part = app.hub().package_file(&visitor.caller, &reference, commit, &wanted.path, SAVED).await?;
    if part.size > SAVED {
        return Err(Error::new(
            ErrorKind::TooLarge,
            "file_too_large",
            "This file is too large to be saved from its page.",
            "Pull the Executor; the file is in its package.",
        )
        .into());
    }
    let kind = image(&part.bytes);
    let is_text = kind.is_none() && text(part.size, &part.bytes).is_some();
    let name: String = wanted.path.rsplit('/').next().unwrap_or_default().chars().map(plain).collect();
    let mut response = part.bytes.into_response();
    let headers = response.headers_mut();
    let other = if is_text { "text/plain; charset=utf-8" } else { "application/octet-stream" };
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind.unwrap_or(other)));
    let how = if kind.is_some() { "inline" } else { "attachment" };
    let disposition = format!("{how}; filename=\"{name}\"");
    headers
        .insert(header::CONTENT_DISPOSITION, HeaderValue::from_str(&disposition).map_err(Error::internal)?);
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; sandbox; frame-ancestors 'none'"),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    Ok(response)
}

/// A character that a header may carry as it is.
fn plain(c: char) -> char {
    if c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_') { c } else { '_' }
}

fn no_such_file() -> Error {
    Error::new(
        ErrorKind::NotFound,
        "file_not_found",
        "The package has no such file.",
        "Look at the list of its files.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_told_from_what_is_none() {
        assert_eq!(text(3, "aü".as_bytes()), Some("aü"));
        assert_eq!(text(100, &"aü".as_bytes()[..2]), Some("a"), "cut within a character");
        assert_eq!(text(2, &"aü".as_bytes()[..2]), None);
        assert_eq!((text(2, b"a\0"), text(1, b"\xff")), (None, None));
        assert_eq!(image(b"\x89PNG\r\n\x1a\n..."), Some("image/png"));
        for other in [b"<svg xmlns=".as_slice(), b"<html>", b"GIF89", b""] {
            assert_eq!(image(other), None);
        }
    }
}
