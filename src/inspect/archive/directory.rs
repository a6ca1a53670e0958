//! Is the structure of the zip sound? The end record, the directory and every local header must tell one story.

use super::{
    Entry, Method, Upload,
    name::{self, Kind},
    records::{
        CENTRAL, Central, END, END_BYTES, END64, END64_BYTES, End, End64, FULL32, Fields, LOCAL, LOCAL_BYTES,
        LOCATOR64, LOCATOR64_BYTES, Local, Locator64, extra_fields, is_descriptor,
    },
};
use crate::{
    domain::limits::PackageLimits,
    inspect::{
        InspectError,
        refusal::{Refusal, quoted},
    },
};

/// Bytes of central directory that are taken: what 20,000 entries of usual names need, and what bounds our memory.
const DIRECTORY_BYTES: u64 = 4 << 20;
/// Bytes of one entry, and of all together, that may unpack at any ratio: arrays of zeros are honest.
const FREE_OF_RATIO: u64 = 64 << 20;

const FLAG_ENCRYPTED: u16 = 0x0001 | 0x0040 | 0x2000;
const FLAG_DEFLATE_EFFORT: u16 = 0x0006;
const FLAG_DESCRIPTOR: u16 = 0x0008;
const FLAG_UTF8: u16 = 0x0800;

const EXTRA_ZIP64: u16 = 0x0001;
const EXTRA_AES: u16 = 0x9901;
const EXTRA_UNICODE_PATH: u16 = 0x7075;

const ATTRIBUTE_FOLDER: u32 = 0x10;
const ATTRIBUTE_VOLUME_OR_DEVICE: u32 = 0x48;

/// The last version of the format that Python's reader knows; later ones may change what the bytes mean.
const NEWEST_VERSION: u16 = 63;

/// A central header with its 64-bit values, before its local header has been seen.
struct Listed {
    entry: Entry,
    kind: Kind,
    flags: u16,
    raw_name: Vec<u8>,
    offset: u64,
}

struct Directory {
    entries: u64,
    bytes: u64,
    offset: u64,
}

/// Reads every entry and proves that the file holds them and nothing else.
pub(super) fn read(upload: Upload<'_>, limits: &PackageLimits) -> Result<Vec<Entry>, InspectError> {
    let directory = find(upload)?;
    if directory.entries == 0 {
        return Err(Refusal::archive("archive_empty", "The zip holds no files.").into());
    }
    if directory.entries > limits.entries as u64 || directory.bytes > DIRECTORY_BYTES {
        return Err(Refusal::too_large(
            "archive_too_many_entries",
            format!("The zip has {} entries; at most {} are taken.", directory.entries, limits.entries),
        )
        .into());
    }
    let bytes = upload.read(directory.offset, directory.bytes)?.ok_or_else(truncated)?;
    let mut listed = list(&bytes, &directory, limits)?;
    drop(bytes);
    name::check_clashes(listed.iter().map(|one| (one.entry.path.as_str(), one.kind)))?;
    check_sizes(&listed, limits)?;
    check_tiling(upload, &mut listed, directory.offset)?;
    Ok(listed.into_iter().filter(|one| one.kind == Kind::File).map(|one| one.entry).collect())
}

/// Finds the directory through the end record, which must close the file.
fn find(upload: Upload<'_>) -> Result<Directory, InspectError> {
    let tail_bytes = upload.bytes.min(END_BYTES + u64::from(u16::MAX));
    let tail_start = upload.bytes - tail_bytes;
    let tail = upload.read(tail_start, tail_bytes)?.ok_or_else(truncated)?;
    let Some(at) = tail.windows(4).rposition(|window| window == END) else {
        let head = upload.read(0, upload.bytes.min(4))?.unwrap_or_default();
        return Err(if head == LOCAL { truncated() } else { not_a_zip() }.into());
    };
    let end = tail.get(at..).and_then(End::read).ok_or_else(truncated)?;
    let position = tail_start + at as u64;
    let comment =
        tail.get(at..).and_then(|end| end.split_at_checked(22)).map_or(&[][..], |(_, comment)| comment);
    match comment.len().cmp(&usize::from(end.comment_bytes)) {
        std::cmp::Ordering::Less => return Err(truncated().into()),
        std::cmp::Ordering::Greater => {
            return Err(Refusal::archive("archive_trailing_data", "Bytes follow the end of the zip.").into());
        }
        std::cmp::Ordering::Equal => {}
    }
    if comment.windows(4).any(|window| [LOCAL, CENTRAL, END64, LOCATOR64].iter().any(|mark| mark == window)) {
        return Err(Refusal::archive("archive_comment", "The zip's comment holds records of a zip.").into());
    }
    if end.disk != 0 || end.directory_disk != 0 || end.entries_here != end.entries {
        return Err(split().into());
    }
    let (directory, position) = widen(upload, &end, position)?;
    let Some(directory_end) = directory.offset.checked_add(directory.bytes) else {
        return Err(
            Refusal::archive("archive_directory", "The zip's directory has no possible place.").into()
        );
    };
    if directory_end > position {
        return Err(Refusal::archive(
            "archive_directory",
            "The zip's directory reaches past its end record.",
        )
        .into());
    }
    if directory_end < position {
        let there = upload.read(directory.offset, 4)?.unwrap_or_default();
        return Err(if there == CENTRAL {
            Refusal::archive("archive_gap", "Bytes lie between the zip's directory and its end record.")
        } else {
            leading_data()
        }
        .into());
    }
    Ok(directory)
}

/// Takes the zip64 records into account; gives the directory and where it must end.
fn widen(upload: Upload<'_>, end: &End, position: u64) -> Result<(Directory, u64), InspectError> {
    let narrow = Directory {
        entries: end.entries.into(),
        bytes: end.directory_bytes.into(),
        offset: end.directory_offset.into(),
    };
    let full = end.entries == u16::MAX || end.directory_bytes == FULL32 || end.directory_offset == FULL32;
    let lie =
        |why: &str| InspectError::from(Refusal::archive("archive_zip64", format!("The zip's 64-bit {why}.")));
    let Some(locator_at) = position.checked_sub(LOCATOR64_BYTES) else {
        return if full { Err(lie("end record is missing")) } else { Ok((narrow, position)) };
    };
    let locator = upload.read(locator_at, LOCATOR64_BYTES)?.as_deref().and_then(Locator64::read);
    let Some(locator) = locator else {
        return if full { Err(lie("end record is missing")) } else { Ok((narrow, position)) };
    };
    if locator.disk != 0 || locator.disks > 1 {
        return Err(split().into());
    }
    if locator.end64_offset.checked_add(END64_BYTES) != Some(locator_at) {
        return Err(lie("end record is not where its locator says"));
    }
    let wide = upload
        .read(locator.end64_offset, END64_BYTES)?
        .as_deref()
        .and_then(End64::read)
        .ok_or_else(|| lie("end record is missing"))?;
    if wide.disk != 0 || wide.directory_disk != 0 || wide.entries_here != wide.entries {
        return Err(split().into());
    }
    let agrees = |narrow: u32, full: u32, wide: u64| narrow == full || u64::from(narrow) == wide;
    if wide.record_bytes != END64_BYTES - 12
        || !agrees(end.entries.into(), u16::MAX.into(), wide.entries)
        || !agrees(end.directory_bytes, FULL32, wide.directory_bytes)
        || !agrees(end.directory_offset, FULL32, wide.directory_offset)
    {
        return Err(lie("end record contradicts the plain one"));
    }
    let directory =
        Directory { entries: wide.entries, bytes: wide.directory_bytes, offset: wide.directory_offset };
    Ok((directory, locator.end64_offset))
}

fn list(bytes: &[u8], directory: &Directory, limits: &PackageLimits) -> Result<Vec<Listed>, Refusal> {
    let miscounted = || {
        Refusal::archive("archive_directory", "The zip's directory does not hold the entries that it counts.")
    };
    let mut fields = Fields(bytes);
    let mut listed = Vec::new();
    for _ in 0..directory.entries {
        let central = Central::read(&mut fields).ok_or_else(miscounted)?;
        listed.push(judge(&central, limits)?);
    }
    if fields.0.is_empty() { Ok(listed) } else { Err(miscounted()) }
}

/// Checks one central header by itself.
fn judge(central: &Central<'_>, limits: &PackageLimits) -> Result<Listed, Refusal> {
    let header = &central.header;
    let shown = || quoted(&String::from_utf8_lossy(central.name));
    let refuse = |code, why: &str| Err(Refusal::archive(code, format!("The entry {} {why}.", shown())));
    let (path, kind) = name::check(central.name, header.flags & FLAG_UTF8 != 0, limits)?;
    if header.flags & FLAG_ENCRYPTED != 0 {
        return refuse("archive_encrypted", "is encrypted");
    }
    if header.flags & !(FLAG_DEFLATE_EFFORT | FLAG_DESCRIPTOR | FLAG_UTF8) != 0 {
        return refuse("archive_flags", "sets flags of the zip format that the Hub does not know");
    }
    if central.disk != 0 {
        return Err(split());
    }
    let method = match header.method {
        0 => Method::Stored,
        8 => Method::Deflated,
        99 => return refuse("archive_encrypted", "is encrypted"),
        _ => return refuse("archive_method", "is packed in a way other than deflate"),
    };
    if header.version & 0xff > NEWEST_VERSION {
        return refuse("archive_method", "asks for a newer zip format");
    }
    let (size, packed, offset) = central_sizes(central)
        .map_err(|(code, why)| Refusal::archive(code, format!("The entry {} {why}.", shown())))?;
    let mode = central.attributes >> 16;
    let executable = mode & 0o111 != 0;
    match (mode >> 12, kind) {
        (0, _) | (0o10, Kind::File) | (0o4, Kind::Folder) => {}
        (0o12, _) => return refuse("archive_link", "is a link"),
        (0o10 | 0o4, _) => {
            return refuse("archive_entry_type", "is a file by name and a folder by mode, or the reverse");
        }
        _ => return refuse("archive_device", "is a device, pipe or socket"),
    }
    if central.attributes & ATTRIBUTE_VOLUME_OR_DEVICE != 0 {
        return refuse("archive_device", "is a volume label or device");
    }
    if kind == Kind::File && central.attributes & ATTRIBUTE_FOLDER != 0 {
        return refuse("archive_entry_type", "is a file by name and a folder by its attributes");
    }
    if kind == Kind::Folder && size != 0 {
        return refuse("archive_entry_type", "is a folder with content");
    }
    if (method == Method::Stored && packed != size)
        || (method == Method::Deflated && packed == 0 && size != 0)
    {
        return refuse("archive_size_mismatch", "declares sizes that cannot be");
    }
    let entry = Entry { path, executable, method, crc: header.crc, packed, size, start: 0 };
    Ok(Listed { entry, kind, flags: header.flags, raw_name: central.name.to_vec(), offset })
}

/// Size, packed size and offset of a central header, through its zip64 field where the plain ones are full.
fn central_sizes(central: &Central<'_>) -> Result<(u64, u64, u64), (&'static str, &'static str)> {
    let wide = zip64_field(central.extra, central.name)?;
    let mut fields = Fields(wide.unwrap_or_default());
    let mut value = |narrow: u32| {
        if narrow == FULL32 { fields.u64().ok_or(LYING_ZIP64) } else { Ok(narrow.into()) }
    };
    let sizes = (value(central.header.size)?, value(central.header.packed)?, value(central.offset)?);
    if fields.0.is_empty() { Ok(sizes) } else { Err(LYING_ZIP64) }
}

const LYING_ZIP64: (&str, &str) = ("archive_zip64", "has 64-bit sizes that contradict its plain ones");

/// The data of the zip64 extra field. Also refuses extra fields that are torn, doubled, or rename the entry.
fn zip64_field<'a>(extra: &'a [u8], name: &[u8]) -> Result<Option<&'a [u8]>, (&'static str, &'static str)> {
    let mut found = None;
    for field in extra_fields(extra) {
        let Ok((id, data)) = field else { return Err(("archive_extra_field", "has torn extra fields")) };
        match id {
            EXTRA_ZIP64 if found.replace(data).is_some() => return Err(LYING_ZIP64),
            EXTRA_AES => return Err(("archive_encrypted", "is encrypted")),
            EXTRA_UNICODE_PATH if data.get(5..) != Some(name) => {
                return Err(("archive_name_encoding", "has a second name"));
            }
            _ => {}
        }
    }
    Ok(found)
}

fn check_sizes(listed: &[Listed], limits: &PackageLimits) -> Result<(), Refusal> {
    let (mut total, mut packed): (u64, u64) = (0, 0);
    for Listed { entry, .. } in listed {
        if entry.size.saturating_sub(FREE_OF_RATIO) > entry.packed.saturating_mul(limits.ratio) {
            return Err(Refusal::archive(
                "archive_ratio",
                format!(
                    "The entry {} would unpack to more than {} times its size.",
                    quoted(&entry.path),
                    limits.ratio
                ),
            ));
        }
        total = total.saturating_add(entry.size);
        packed = packed.saturating_add(entry.packed);
    }
    // A bomb may come in many pieces.
    if total.saturating_sub(FREE_OF_RATIO) > packed.saturating_mul(limits.ratio) {
        return Err(Refusal::archive(
            "archive_ratio",
            format!("The files would unpack to more than {} times the size of the zip.", limits.ratio),
        ));
    }
    if total > limits.unpacked_bytes {
        return Err(Refusal::too_large(
            "archive_unpacked_too_large",
            format!("The files have {total} bytes; at most {} are taken.", limits.unpacked_bytes),
        ));
    }
    Ok(())
}

/// Proves that local headers agree with the directory and fill the file up to it, each byte once.
fn check_tiling(
    upload: Upload<'_>,
    listed: &mut [Listed],
    directory_offset: u64,
) -> Result<(), InspectError> {
    let mut order: Vec<usize> = (0..listed.len()).collect();
    order.sort_unstable_by_key(|&at| listed.get(at).map(|one| one.offset));
    let mut expected = 0;
    for (turn, &at) in order.iter().enumerate() {
        let next = order
            .get(turn + 1)
            .and_then(|&after| listed.get(after))
            .map_or(directory_offset, |one| one.offset);
        let Some(one) = listed.get_mut(at) else { continue };
        if one.offset != expected {
            return Err(if turn == 0 { leading_data() } else { misplaced(one, one.offset < expected) }.into());
        }
        let start = check_local(upload, one)?;
        one.entry.start = start;
        let Some(left) = start.checked_add(one.entry.packed).and_then(|end| next.checked_sub(end)) else {
            return Err(misplaced(one, true).into());
        };
        if one.flags & FLAG_DESCRIPTOR != 0 {
            let descriptor = if left <= 24 { upload.read(next - left, left)? } else { None };
            if !is_descriptor(
                &descriptor.unwrap_or_default(),
                one.entry.crc,
                one.entry.packed,
                one.entry.size,
            ) {
                return Err(Refusal::archive(
                    "archive_descriptor",
                    format!("What follows the entry {} contradicts the directory.", quoted(&one.entry.path)),
                )
                .into());
            }
        } else if left != 0 {
            return Err(misplaced(one, false).into());
        }
        expected = next;
    }
    Ok(())
}

fn misplaced(one: &Listed, overlaps: bool) -> Refusal {
    let shown = quoted(&one.entry.path);
    if overlaps {
        Refusal::archive("archive_overlap", format!("The entry {shown} shares bytes with another."))
    } else {
        Refusal::archive("archive_gap", format!("Bytes that belong to no entry lie near {shown}."))
    }
}

/// Compares a local header with its central one; gives where the content starts.
fn check_local(upload: Upload<'_>, one: &Listed) -> Result<u64, InspectError> {
    let shown = || quoted(&one.entry.path);
    let mismatch = |what: &str| {
        InspectError::from(Refusal::archive(
            "archive_header_mismatch",
            format!("The entry {} has another {what} in its own header than in the directory.", shown()),
        ))
    };
    let lost = || {
        InspectError::from(Refusal::archive(
            "archive_directory",
            format!("The entry {} is not where the directory says.", shown()),
        ))
    };
    let head = upload.read(one.offset, LOCAL_BYTES)?.ok_or_else(lost)?;
    let local = Local::read(&head).ok_or_else(lost)?;
    let variable = (local.name_bytes() + local.extra_bytes()) as u64;
    let rest = upload.read(one.offset + LOCAL_BYTES, variable)?.ok_or_else(lost)?;
    let (name, extra) = rest.split_at_checked(local.name_bytes()).ok_or_else(lost)?;
    if name != one.raw_name {
        return Err(mismatch("name"));
    }
    let header = &local.header;
    if (header.flags ^ one.flags) & !FLAG_DEFLATE_EFFORT != 0 {
        return Err(mismatch("set of flags"));
    }
    let method = if one.entry.method == Method::Stored { 0 } else { 8 };
    if header.method != method {
        return Err(mismatch("method"));
    }
    let wide = zip64_field(extra, name)
        .map_err(|(code, why)| Refusal::archive(code, format!("The entry {} {why}.", shown())))?;
    let (wide_size, wide_packed) = match wide.map(|data| (data.len(), Fields(data))) {
        None => (None, None),
        Some((16, mut fields)) => (fields.u64(), fields.u64()),
        Some(_) => return Err(lying_zip64(one)),
    };
    let later = one.flags & FLAG_DESCRIPTOR != 0;
    let is = |narrow: u32, wide: Option<u64>, truth: u64| {
        let fits = |value: u64| value == truth || (later && value == 0);
        // Writers that force zip64 fill the wide field and may leave the plain one as it is.
        wide.is_none_or(fits) && ((wide.is_some() && narrow == FULL32) || fits(narrow.into()))
    };
    if !is(header.size, wide_size, one.entry.size) || !is(header.packed, wide_packed, one.entry.packed) {
        return Err(mismatch("size"));
    }
    if header.crc != one.entry.crc && !(later && header.crc == 0) {
        return Err(mismatch("checksum"));
    }
    Ok(one.offset + LOCAL_BYTES + variable)
}

fn lying_zip64(one: &Listed) -> InspectError {
    let (code, why) = LYING_ZIP64;
    Refusal::archive(code, format!("The entry {} {why}.", quoted(&one.entry.path))).into()
}

fn not_a_zip() -> Refusal {
    Refusal::archive("archive_not_zip", "The upload is not a zip.")
}

fn truncated() -> Refusal {
    Refusal::archive("archive_truncated", "The zip is cut off.")
}

fn split() -> Refusal {
    Refusal::archive("archive_split", "The zip is one part of several.")
}

fn leading_data() -> Refusal {
    Refusal::archive("archive_leading_data", "Bytes lie before the zip's first entry.")
}
