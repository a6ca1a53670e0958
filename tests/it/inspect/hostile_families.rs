//! Which lies come in many shapes? Families of hostile zips, made by loops: every value that a field must not have.

use super::{
    hostile::{descriptor, truth},
    raw_zip::{RawZip, Zip64, deflate, wide},
};

/// A hostile zip: what it is, the codes of which one must refuse it, and its bytes.
pub struct Hostile {
    pub kind: String,
    pub codes: &'static [&'static str],
    pub bytes: Vec<u8>,
}

#[derive(Default)]
pub struct Families(pub Vec<Hostile>);

impl Families {
    pub fn all() -> Self {
        let mut families = Self::default();
        families.names();
        families.ways_of_packing();
        families.kinds_of_entries();
        families.headers_that_disagree();
        families.descriptors();
        families.places();
        families.ends();
        families.bombs();
        families
    }

    fn bombs(&mut self) {
        let zeros = deflate(&vec![0; 8 << 20]);
        for entries in [30, 100, 1000] {
            self.add(format!("a bomb in {entries} pieces"), &["archive_ratio"], |zip| {
                for at in 0..entries {
                    let mut piece = zip.entries[1].clone();
                    piece.both(|fields| {
                        fields.name = format!("piece{at}").into_bytes();
                        (fields.size, fields.packed) = (8 << 20, u32::try_from(zeros.len()).unwrap());
                    });
                    piece.data.clone_from(&zeros);
                    zip.entries.push(piece);
                }
            });
        }
    }

    fn add(&mut self, kind: String, codes: &'static [&'static str], spoil: impl FnOnce(&mut RawZip)) {
        let mut zip = RawZip::good();
        spoil(&mut zip);
        self.0.push(Hostile { kind, codes, bytes: zip.bytes() });
    }

    fn named(&mut self, codes: &'static [&'static str], name: &str) {
        let flags = if name.is_ascii() { 0 } else { 0x800 };
        self.add(format!("name {name:?}"), codes, |zip| {
            zip.data().both(|fields| (fields.name, fields.flags) = (name.as_bytes().to_vec(), flags));
        });
    }

    fn names(&mut self) {
        let invisible = "\u{80}\u{9f}\u{200b}\u{200e}\u{200f}\u{2028}\u{2029}\u{202a}\u{202b}\u{202c}\u{202d}\u{202e}\u{2066}\u{2067}\u{2068}\u{2069}\u{feff}";
        for c in ('\0'..' ').chain(['\x7f']).chain(invisible.chars()) {
            self.named(&["archive_control_character"], &format!("da{c}ta"));
        }
        for name in ["..", "../x", "a/../x", "a/b/../../../x", "x/..", "x/../", "../../../../etc/passwd"] {
            self.named(&["archive_traversal"], name);
        }
        for name in ["/", "/x", "//x", "/../x"] {
            self.named(&["archive_absolute_path"], name);
        }
        for name in ["a:/x", "Z:x", "c:"] {
            self.named(&["archive_drive_letter"], name);
        }
        for name in ["\\", "a\\b", "\\x", "..\\..\\x", "a/b\\", "C:\\x", "\\\\?\\C:\\x"] {
            self.named(&["archive_backslash"], name);
        }
        for name in [".", "./x", "a/./b", "a/.", "a//b", "x//"] {
            self.named(&["archive_name_dot"], name);
        }
        for (clash, code) in [
            ("Config.yml", &["archive_case_clash"][..]),
            ("CONFIG.YML", &["archive_case_clash"]),
            ("executor.PY", &["archive_case_clash"]),
            ("executor.py", &["archive_duplicate_name"]),
            ("executor.py/", &["archive_file_and_folder", "archive_entry_type"]),
            ("executor.py/x/y", &["archive_file_and_folder"]),
        ] {
            self.named(code, clash);
        }
    }

    fn ways_of_packing(&mut self) {
        for method in (1..8).chain(9..21).chain(93..99).chain([u16::MAX]) {
            self.add(format!("method {method}"), &["archive_method"], |zip| {
                zip.data().both(|fields| fields.method = method);
            });
        }
        for bit in [4, 5, 7, 8, 9, 10, 12, 14, 15] {
            self.add(format!("flag {bit}"), &["archive_flags"], |zip| {
                zip.data().both(|fields| fields.flags |= 1 << bit);
            });
        }
        for version in [64, 65, 100, 255] {
            self.add(format!("version {version}"), &["archive_method"], |zip| {
                zip.data().both(|fields| fields.version = version);
            });
        }
    }

    fn kinds_of_entries(&mut self) {
        for kind in [1, 2, 3, 5, 6, 7, 9, 11, 12, 13, 14, 15] {
            for permissions in [0, 0o755] {
                self.add(format!("kind {kind:o} with mode {permissions:o}"), &["archive_device"], |zip| {
                    zip.data().attributes = (kind << 12 | permissions) << 16;
                });
            }
        }
        for target in ["/etc/passwd", "../..", "config.yml"] {
            self.add(format!("link to {target}"), &["archive_link"], |zip| {
                zip.stored("link", target.as_bytes()).attributes = 0o120_777 << 16;
            });
        }
    }

    fn headers_that_disagree(&mut self) {
        for entry in 0..3 {
            for difference in [1, 0x100, 0x8000_0000] {
                let codes = &["archive_header_mismatch"];
                self.add(format!("entry {entry}: local size off by {difference}"), codes, |zip| {
                    zip.entries[entry].local.size ^= difference;
                });
                self.add(format!("entry {entry}: local packed size off by {difference}"), codes, |zip| {
                    zip.entries[entry].local.packed ^= difference;
                });
                self.add(format!("entry {entry}: local checksum off by {difference}"), codes, |zip| {
                    zip.entries[entry].local.crc ^= difference;
                });
            }
            let checksum = &["archive_crc"];
            self.add(format!("entry {entry}: both checksums off"), checksum, |zip| {
                zip.entries[entry].both(|fields| fields.crc ^= 1);
            });
            let size = &["archive_size_mismatch"];
            self.add(format!("entry {entry}: both sizes off"), size, |zip| {
                zip.entries[entry].both(|fields| fields.size += 1);
            });
        }
    }

    fn descriptors(&mut self) {
        for signed in [false, true] {
            for field in 0..3 {
                for difference in [1, 0x8000_0000] {
                    let kind = format!("descriptor, signed {signed}, field {field} off by {difference}");
                    self.add(kind, &["archive_descriptor"], |zip| {
                        let mut values = truth(zip);
                        values[field] ^= difference;
                        descriptor(zip, values, signed);
                    });
                }
            }
            for extra in 1..5 {
                let kind = format!("descriptor, signed {signed}, {extra} bytes too long");
                self.add(kind, &["archive_descriptor"], |zip| {
                    let values = truth(zip);
                    descriptor(zip, values, signed);
                    let data = zip.data();
                    data.after.resize(data.after.len() + extra, 0);
                });
            }
        }
    }

    fn places(&mut self) {
        let starts: Vec<u32> = RawZip::good()
            .entries
            .iter()
            .scan(0, |at, entry| {
                let start = *at;
                *at += u32::try_from(30 + entry.local.name.len() + entry.data.len()).unwrap();
                Some(start)
            })
            .collect();
        for (entry, start) in starts.iter().enumerate() {
            for offset in [start.saturating_sub(1), start + 1, start + 30, u32::MAX - 1]
                .into_iter()
                .filter(|at| at != start)
            {
                let codes = &["archive_gap", "archive_overlap", "archive_leading_data", "archive_directory"];
                self.add(format!("entry {entry} said to be at {offset}"), codes, |zip| {
                    zip.entries[entry].offset = Some(offset);
                });
            }
            for bytes in [1, 22, 30] {
                let codes = &["archive_gap", "archive_leading_data"];
                self.add(format!("{bytes} bytes before entry {entry}"), codes, |zip| {
                    zip.entries[entry].before = vec![0; bytes];
                });
            }
        }
    }

    fn ends(&mut self) {
        for bytes in [1, 2, 22, 1000, 70_000] {
            let codes = &["archive_trailing_data", "archive_not_zip", "archive_truncated"];
            self.add(format!("{bytes} bytes behind the end"), codes, |zip| zip.trailing = vec![0; bytes]);
        }
        for count in [1, 2, 4, 300] {
            let codes = &["archive_directory", "archive_too_many_entries"];
            self.add(format!("three entries counted as {count}"), codes, |zip| zip.count = Some(count));
        }
        let good = RawZip::good().bytes();
        let word = |at: usize| u32::from_le_bytes(good[at..at + 4].try_into().unwrap());
        let (directory_bytes, directory_offset) = (word(good.len() - 10), word(good.len() - 6));
        for difference in [-30_i32, -1, 1, 30] {
            let codes = &["archive_directory", "archive_gap", "archive_leading_data"];
            self.add(format!("directory length off by {difference}"), codes, |zip| {
                zip.directory_bytes = directory_bytes.checked_add_signed(difference);
            });
            self.add(format!("directory offset off by {difference}"), codes, |zip| {
                zip.directory_offset = directory_offset.checked_add_signed(difference);
            });
        }
        for value in [0, 1, 1 << 40, u64::MAX] {
            let lie: [(&str, Zip64); 4] = [
                ("count", Zip64 { entries: Some(value), ..Zip64::default() }),
                ("offset", Zip64 { directory_offset: Some(value), ..Zip64::default() }),
                ("length", Zip64 { directory_bytes: Some(value), ..Zip64::default() }),
                ("locator", Zip64 { locator_offset: Some(value), ..Zip64::default() }),
            ];
            for (what, zip64) in lie {
                self.add(format!("64-bit {what} {value}"), &["archive_zip64"], |zip| zip.zip64 = Some(zip64));
            }
            self.add(
                format!("64-bit size {value}"),
                &["archive_size_mismatch", "archive_overlap", "archive_gap", "archive_header_mismatch"],
                |zip| {
                    let data = zip.data();
                    data.central.packed = u32::MAX;
                    data.central.extra = wide(&[value]);
                },
            );
        }
    }
}
