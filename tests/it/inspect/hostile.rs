//! Which lies can a zip tell? Data for the tests: how each zip is spoilt, and the code of its refusal.

use super::raw_zip::{RawZip, Zip64, deflate, extra, wide};

pub type Spoil = fn(&mut RawZip);

fn renamed(zip: &mut RawZip, name: &[u8]) {
    zip.data().both(|fields| fields.name = name.to_vec());
}

fn renamed_utf8(zip: &mut RawZip, name: &str) {
    zip.data().both(|fields| {
        fields.name = name.as_bytes().to_vec();
        fields.flags = 0x800;
    });
}

pub fn descriptor(zip: &mut RawZip, values: [u32; 3], signed: bool) {
    let data = zip.data();
    data.both(|fields| fields.flags |= 8);
    (data.local.crc, data.local.packed, data.local.size) = (0, 0, 0);
    data.after = if signed { b"PK\x07\x08".to_vec() } else { Vec::new() };
    data.after.extend(values.iter().flat_map(|value| value.to_le_bytes()));
}

pub fn truth(zip: &mut RawZip) -> [u32; 3] {
    let central = &zip.data().central;
    [central.crc, central.packed, central.size]
}

fn set_mode(zip: &mut RawZip, mode: u32) {
    zip.data().attributes = mode << 16;
}

/// Every kind of spoilt zip, with the code of its refusal.
pub const HOSTILE: &[(&str, &str, Spoil)] = &[
    // Names.
    ("climbing", "archive_traversal", |z| renamed(z, b"../data.bin")),
    ("climbing in the middle", "archive_traversal", |z| renamed(z, b"a/../../data.bin")),
    ("climbing at the end", "archive_traversal", |z| renamed(z, b"a/..")),
    ("climbing folder", "archive_traversal", |z| renamed(z, b"../")),
    ("absolute", "archive_absolute_path", |z| renamed(z, b"/etc/passwd")),
    ("doubly absolute", "archive_absolute_path", |z| renamed(z, b"//host/share")),
    ("backslash", "archive_backslash", |z| renamed(z, b"..\\data.bin")),
    ("UNC path", "archive_backslash", |z| renamed(z, b"\\\\host\\share")),
    ("drive letter", "archive_drive_letter", |z| renamed(z, b"C:/data.bin")),
    ("bare drive letter", "archive_drive_letter", |z| renamed(z, b"c:data.bin")),
    ("NUL", "archive_control_character", |z| renamed(z, b"data\0.bin")),
    ("newline", "archive_control_character", |z| renamed(z, b"data\n.bin")),
    ("escape", "archive_control_character", |z| renamed(z, b"\x1b[2Jdata")),
    ("delete", "archive_control_character", |z| renamed(z, b"data\x7f")),
    ("right-to-left override", "archive_control_character", |z| renamed_utf8(z, "data\u{202e}yp.exe")),
    ("line separator", "archive_control_character", |z| renamed_utf8(z, "data\u{2028}RUN evil")),
    ("C1 control", "archive_control_character", |z| renamed_utf8(z, "data\u{85}")),
    ("empty name", "archive_name_empty", |z| renamed(z, b"")),
    ("dot", "archive_name_dot", |z| renamed(z, b"./data.bin")),
    ("empty step", "archive_name_dot", |z| renamed(z, b"a//data.bin")),
    ("dot alone", "archive_name_dot", |z| renamed(z, b".")),
    ("not UTF-8", "archive_name_encoding", |z| renamed(z, b"d\xff\xfe")),
    ("not UTF-8 yet flagged", "archive_name_encoding", |z| {
        z.data().both(|f| (f.name, f.flags) = (b"d\xc3".to_vec(), 0x800));
    }),
    ("UTF-8 without its flag", "archive_name_encoding", |z| renamed(z, "dé.bin".as_bytes())),
    ("second name", "archive_name_encoding", |z| {
        let mut field = vec![1, 0, 0, 0, 0];
        field.extend(b"config.yml");
        z.data().central.extra = extra(0x7075, &field);
    }),
    ("long name", "archive_name_too_long", |z| renamed(z, "a/".repeat(600).as_bytes())),
    ("long step", "archive_name_too_long", |z| renamed(z, "a".repeat(256).as_bytes())),
    ("deep", "archive_too_deep", |z| renamed(z, format!("{}x", "d/".repeat(40)).as_bytes())),
    ("twice", "archive_duplicate_name", |z| renamed(z, b"config.yml")),
    ("other case", "archive_case_clash", |z| renamed(z, b"CONFIG.yml")),
    ("other case in a folder", "archive_case_clash", |z| {
        renamed_utf8(z, "straße/x");
        z.stored("STRASSE/X", b"");
    }),
    ("other composition", "archive_normalisation_clash", |z| {
        renamed_utf8(z, "caf\u{e9}");
        z.stored("cafe\u{301}", b"");
    }),
    ("file as folder", "archive_file_and_folder", |z| renamed(z, b"config.yml/inner")),
    ("file as folder in other case", "archive_file_and_folder", |z| renamed(z, b"Config.YML/inner")),
    ("file and folder", "archive_file_and_folder", |z| {
        z.stored("data.bin/", b"").attributes = 0;
    }),
    // Kinds of entries.
    ("link", "archive_link", |z| set_mode(z, 0o120_777)),
    ("link by another system", "archive_link", |z| {
        set_mode(z, 0o120_777);
        z.data().made_by = 0;
    }),
    ("character device", "archive_device", |z| set_mode(z, 0o020_666)),
    ("block device", "archive_device", |z| set_mode(z, 0o060_660)),
    ("pipe", "archive_device", |z| set_mode(z, 0o010_644)),
    ("socket", "archive_device", |z| set_mode(z, 0o140_777)),
    ("volume label", "archive_device", |z| z.data().attributes = 0x08),
    ("folder by mode", "archive_entry_type", |z| set_mode(z, 0o040_755)),
    ("folder by attribute", "archive_entry_type", |z| z.data().attributes |= 0x10),
    ("folder with content", "archive_entry_type", |z| renamed(z, b"data/")),
    ("file mode on a folder", "archive_entry_type", |z| {
        z.stored("folder/", b"");
    }),
    // Ways of packing.
    ("encrypted", "archive_encrypted", |z| z.data().both(|f| f.flags |= 1).after.clear()),
    ("strongly encrypted", "archive_encrypted", |z| z.data().both(|f| f.flags |= 0x40).after.clear()),
    ("masked headers", "archive_encrypted", |z| z.data().both(|f| f.flags |= 0x2000).after.clear()),
    ("AES", "archive_encrypted", |z| z.data().both(|f| f.method = 99).after.clear()),
    ("AES field", "archive_encrypted", |z| z.data().central.extra = extra(0x9901, &[0; 7])),
    ("patch data", "archive_flags", |z| z.data().both(|f| f.flags |= 0x20).after.clear()),
    ("deflate64", "archive_method", |z| z.data().both(|f| f.method = 9).after.clear()),
    ("bzip2", "archive_method", |z| z.data().both(|f| f.method = 12).after.clear()),
    ("LZMA", "archive_method", |z| z.data().both(|f| f.method = 14).after.clear()),
    ("zstd", "archive_method", |z| z.data().both(|f| f.method = 93).after.clear()),
    ("future version", "archive_method", |z| z.data().both(|f| f.version = 90).after.clear()),
    // Headers that disagree.
    ("other local name", "archive_header_mismatch", |z| z.data().local.name = b"evil.bin".to_vec()),
    ("other local method", "archive_header_mismatch", |z| z.data().local.method = 8),
    ("other local flags", "archive_header_mismatch", |z| z.data().local.flags = 0x800),
    ("other local size", "archive_header_mismatch", |z| z.data().local.size += 1),
    ("other local packed size", "archive_header_mismatch", |z| z.data().local.packed += 1),
    ("other local checksum", "archive_header_mismatch", |z| z.data().local.crc ^= 1),
    ("hidden descriptor", "archive_header_mismatch", |z| z.data().local.flags = 8),
    ("stored sizes differ", "archive_size_mismatch", |z| z.data().both(|f| f.size += 1).after.clear()),
    ("empty deflate of something", "archive_size_mismatch", |z| {
        let data = z.data();
        data.data.clear();
        data.both(|f| (f.method, f.packed) = (8, 0));
    }),
    // Content that is not what was declared.
    ("wrong checksum", "archive_crc", |z| z.data().both(|f| f.crc ^= 0xff).after.clear()),
    ("flipped bit", "archive_crc", |z| z.data().data[3] ^= 1),
    ("deflate of garbage", "archive_deflate", |z| {
        z.data().data = vec![0xff; 27];
        z.data().both(|f| f.method = 8);
    }),
    ("deflate goes on", "archive_stream_long", |z| {
        let mut packed = deflate(b"some data that nobody reads");
        packed.extend(b"hidden");
        let length = u32::try_from(packed.len()).unwrap();
        z.data().data = packed;
        z.data().both(|f| (f.method, f.packed) = (8, length));
    }),
    ("deflate is cut", "archive_stream_cut", |z| {
        let mut packed = deflate(b"some data that nobody reads");
        packed.truncate(packed.len() - 3);
        let length = u32::try_from(packed.len()).unwrap();
        z.data().data = packed;
        z.data().both(|f| (f.method, f.packed) = (8, length));
    }),
    ("unpacks to more", "archive_size_mismatch", |z| {
        z.deflated("more", &[7; 1000]).both(|f| f.size = 10);
    }),
    ("unpacks to less", "archive_size_mismatch", |z| {
        z.deflated("less", &[7; 1000]).both(|f| f.size = 1010);
    }),
    ("bomb", "archive_ratio", |z| {
        z.deflated("zeros", &vec![0; 8 << 20]);
    }),
    ("declared bomb", "archive_ratio", |z| {
        z.deflated("liar", b"x").both(|f| f.size = 3 << 30);
    }),
    ("descriptor with another checksum", "archive_descriptor", |z| {
        let [crc, packed, size] = truth(z);
        descriptor(z, [crc ^ 1, packed, size], true);
    }),
    ("descriptor with another size", "archive_descriptor", |z| {
        let [crc, packed, size] = truth(z);
        descriptor(z, [crc, packed, size + 1], false);
    }),
    ("descriptor missing", "archive_descriptor", |z| z.data().both(|f| f.flags |= 8).after.clear()),
    ("descriptor with something behind", "archive_descriptor", |z| {
        let values = truth(z);
        descriptor(z, values, true);
        z.data().after.push(0);
    }),
    // Places in the file.
    ("data in front", "archive_leading_data", |z| {
        z.prefix = b"#!/bin/sh\n".to_vec();
    }),
    ("data in front, offsets not moved", "archive_leading_data", |z| {
        let good = z.bytes().len();
        z.prefix = vec![b'x'; 10];
        let moved = z.bytes();
        let start = u32::from_le_bytes(moved[good - 6 + 10..good - 2 + 10].try_into().unwrap());
        z.directory_offset = Some(start - 10);
        let mut offset = 0;
        for entry in &mut z.entries {
            entry.offset = Some(offset);
            offset += u32::try_from(30 + entry.local.name.len() + entry.data.len()).unwrap();
        }
    }),
    ("gap between entries", "archive_gap", |z| z.data().before = b"hidden".to_vec()),
    ("hidden entry", "archive_gap", |z| {
        let mut hidden = RawZip::default();
        hidden.stored("hidden", b"x");
        let bytes = hidden.bytes();
        z.data().before = bytes[..37].to_vec();
    }),
    ("gap before the directory", "archive_gap", |z| z.before_directory = b"hidden".to_vec()),
    ("gap after the directory", "archive_gap", |z| z.after_directory = b"hidden".to_vec()),
    ("two entries, one place", "archive_overlap", |z| {
        let mut copy = z.data().clone();
        copy.offset = Some(0);
        copy.both(|f| f.name = b"config2yml".to_vec());
        z.entries.push(copy);
    }),
    ("entry inside another", "archive_overlap", |z| {
        let mut inner = RawZip::default();
        inner.stored("inner", b"x");
        let inside = inner.bytes()[..36].to_vec();
        z.stored("outer", &inside);
        let outer_data =
            z.entries.iter().rev().skip(1).fold(0, |sum, e| sum + 30 + e.local.name.len() + e.data.len())
                + 35;
        let mut inner = inner.entries.remove(0);
        inner.offset = Some(u32::try_from(outer_data).unwrap());
        inner.data = Vec::new();
        z.entries.push(inner);
    }),
    ("offset to nowhere", "archive_gap", |z| z.data().offset = Some(u32::MAX - 1)),
    ("offset into data", "archive_gap", |z| {
        let at = z.entries.iter().take(2).fold(0, |sum, e| sum + 30 + e.local.name.len() + e.data.len());
        z.data().offset = Some(u32::try_from(at + 4).unwrap());
    }),
    ("first entry later", "archive_leading_data", |z| z.entries[0].offset = Some(3)),
    // The end.
    ("trailing data", "archive_trailing_data", |z| z.trailing = b"hidden".to_vec()),
    ("second end record", "archive_gap", |z| {
        let mut end = b"PK\x05\x06".to_vec();
        end.extend([0; 18]);
        z.after_directory = end;
    }),
    ("end record in the comment", "archive_directory", |z| {
        let mut end = b"PK\x05\x06".to_vec();
        end.extend([0, 0, 0, 0, 1, 0, 1, 0]);
        end.extend([0xff, 0xff, 0, 0, 0xff, 0xff, 0, 0, 0, 0]);
        z.comment = end;
    }),
    ("empty end record in the comment", "archive_leading_data", |z| {
        let mut end = b"PK\x05\x06".to_vec();
        end.extend([0; 18]);
        z.comment = end;
        z.directory_offset = None;
    }),
    ("directory in the comment", "archive_comment", |z| z.comment = b"..PK\x01\x02..".to_vec()),
    ("locator in the comment", "archive_comment", |z| z.comment = b"..PK\x06\x07..".to_vec()),
    ("comment cut", "archive_truncated", |z| z.declared_comment = Some(9)),
    ("comment longer than declared", "archive_trailing_data", |z| {
        z.comment = b"hello".to_vec();
        z.declared_comment = Some(2);
    }),
    ("counts one too many", "archive_directory", |z| z.count = Some(4)),
    ("counts one too few", "archive_directory", |z| z.count = Some(2)),
    ("counts none", "archive_empty", |z| z.count = Some(0)),
    ("directory too long", "archive_directory", |z| z.directory_bytes = Some(1 << 30)),
    ("directory elsewhere", "archive_directory", |z| z.directory_offset = Some(1 << 30)),
    ("part of several", "archive_split", |z| z.disk = 1),
    ("entry on another disk", "archive_split", |z| z.data().disk = 1),
    ("torn extra fields", "archive_extra_field", |z| z.data().central.extra = vec![9, 9, 200, 0, 1]),
    ("torn local extra fields", "archive_extra_field", |z| z.data().local.extra = vec![9, 9, 200, 0, 1]),
    // 64-bit lies.
    ("full count without 64 bits", "archive_zip64", |z| z.count = Some(u16::MAX)),
    ("full offset without 64 bits", "archive_zip64", |z| z.directory_offset = Some(u32::MAX)),
    ("full size without 64 bits", "archive_zip64", |z| z.data().central.size = u32::MAX),
    ("64-bit field that nobody asked for", "archive_zip64", |z| z.data().central.extra = wide(&[27])),
    ("two 64-bit fields", "archive_zip64", |z| {
        let data = z.data();
        data.central.size = u32::MAX;
        data.central.extra = [wide(&[27]), wide(&[28])].concat();
    }),
    ("64-bit field with another local size", "archive_header_mismatch", |z| {
        z.data().local.extra = wide(&[28, 27]);
    }),
    ("short local 64-bit field", "archive_zip64", |z| z.data().local.extra = wide(&[27])),
    ("64-bit end with another count", "archive_zip64", |z| {
        z.zip64 = Some(Zip64 { entries: Some(2), ..Zip64::default() });
    }),
    ("64-bit end with another offset", "archive_zip64", |z| {
        z.zip64 = Some(Zip64 { directory_offset: Some(0), ..Zip64::default() });
    }),
    ("64-bit end with another length", "archive_zip64", |z| {
        z.zip64 = Some(Zip64 { directory_bytes: Some(9), ..Zip64::default() });
    }),
    ("64-bit end with data behind", "archive_zip64", |z| {
        z.zip64 = Some(Zip64 { record_bytes: Some(64), ..Zip64::default() });
    }),
    ("locator to elsewhere", "archive_zip64", |z| {
        z.zip64 = Some(Zip64 { locator_offset: Some(0), ..Zip64::default() });
    }),
    ("locator past the end", "archive_zip64", |z| {
        z.zip64 = Some(Zip64 { locator_offset: Some(u64::MAX), ..Zip64::default() });
    }),
    ("locator of several disks", "archive_split", |z| {
        z.zip64 = Some(Zip64 { disks: Some(2), ..Zip64::default() });
    }),
    ("64-bit end without locator", "archive_gap", |z| {
        z.zip64 = Some(Zip64 { without_locator: true, ..Zip64::default() });
    }),
    ("million entries", "archive_too_many_entries", |z| {
        z.zip64 = Some(Zip64 { entries: Some(1_000_000), ..Zip64::default() });
        z.count = Some(u16::MAX);
    }),
];
