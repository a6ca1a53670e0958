//! What would the clients send of this folder? Every file that is not ignored, packed as they pack it, in constant memory.

mod ignore;

use std::{
    fs::{self, File},
    io::{self, BufWriter, Write as _},
    os::unix::fs::PermissionsExt as _,
    path::Path,
};

use zip::{CompressionMethod, ZipWriter, result::ZipError, write::SimpleFileOptions};

use self::ignore::Ignore;
use super::{
    InspectError,
    refusal::{Refusal, quoted},
};
use crate::domain::limits::PackageLimits;

const GITIGNORE: &str = ".gitignore";
/// Bytes of a `.gitignore` that are read.
const GITIGNORE_BYTES: u64 = 1 << 20;
/// From here on a file needs 64-bit sizes; below 4 GiB, because packing may make it grow.
const LARGE: u64 = 0xf000_0000;

/// Packs `folder` into `zip`, an empty file open for reading and writing: the same files as `jina hub push` sends, in
/// the order of their names. Links are followed as the clients follow them. Stops as soon as a limit is passed, so that
/// a link that leads back up ends as a refusal.
pub fn pack(folder: &Path, zip: &File, limits: &PackageLimits) -> Result<(), InspectError> {
    let gitignore = match File::open(folder.join(GITIGNORE)) {
        Ok(file) => Some(io::read_to_string(io::Read::take(file, GITIGNORE_BYTES))?),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error.into()),
    };
    let mut packer = Packer {
        ignore: Ignore::new(gitignore.as_deref()),
        limits,
        zip: ZipWriter::new(BufWriter::new(zip)),
        entries: 0,
        bytes: 0,
    };
    packer.folder(folder, "", 0)?;
    packer.zip.finish().map_err(into_io)?.flush()?;
    Ok(())
}

struct Packer<'p> {
    ignore: Ignore,
    limits: &'p PackageLimits,
    zip: ZipWriter<BufWriter<&'p File>>,
    entries: usize,
    bytes: u64,
}

impl Packer<'_> {
    fn folder(&mut self, folder: &Path, inside: &str, depth: usize) -> Result<(), InspectError> {
        if depth > self.limits.depth {
            let why = format!("{} lies under more than {} folders.", quoted(inside), self.limits.depth);
            return Err(Refusal::too_large("archive_too_deep", why).into());
        }
        let mut entries = fs::read_dir(folder)?.collect::<io::Result<Vec<_>>>()?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let Some(name) = entry.file_name().to_str().map(str::to_owned) else {
                let name = entry.file_name().to_string_lossy().into_owned();
                let why = format!("The name {} is not UTF-8.", quoted(&name));
                return Err(Refusal::other("folder_name_encoding", why, "Rename the file.").into());
            };
            let path = if inside.is_empty() { name } else { format!("{inside}/{name}") };
            if self.ignore.leaves_out(&path) {
                continue;
            }
            self.entries += 1;
            // Folders are no entries of the zip; inspection counts what is.
            if self.entries > self.limits.entries.saturating_mul(2) {
                let why = format!("The folder holds more than {} files.", self.limits.entries);
                return Err(Refusal::too_large("archive_too_many_entries", why).into());
            }
            let place = entry.path();
            let metadata = fs::metadata(&place).map_err(|error| {
                let why = format!("The file {} cannot be read: {error}.", quoted(&path));
                Refusal::other("folder_unreadable", why, "Remove it, or add it to `.gitignore`.")
            })?;
            if metadata.is_dir() {
                self.folder(&place, &path, depth + 1)?;
            } else if metadata.is_file() {
                self.file(&place, &path, &metadata)?;
            } else {
                let why = format!("{} is neither a file nor a folder.", quoted(&path));
                return Err(Refusal::other(
                    "folder_special_file",
                    why,
                    "Remove it, or add it to `.gitignore`.",
                )
                .into());
            }
        }
        Ok(())
    }

    fn file(&mut self, place: &Path, path: &str, metadata: &fs::Metadata) -> Result<(), InspectError> {
        self.bytes = self.bytes.saturating_add(metadata.len());
        if self.bytes > self.limits.unpacked_bytes {
            let why = format!("The files have more than {} bytes.", self.limits.unpacked_bytes);
            return Err(Refusal::too_large("archive_unpacked_too_large", why).into());
        }
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Deflated)
            .unix_permissions(metadata.permissions().mode())
            .large_file(metadata.len() >= LARGE);
        let mut file = File::open(place)?;
        self.zip.start_file(path, options).map_err(into_io)?;
        io::copy(&mut file, &mut self.zip)?;
        Ok(())
    }
}

fn into_io(error: ZipError) -> io::Error {
    match error {
        ZipError::Io(error) => error,
        other => io::Error::other(other),
    }
}
