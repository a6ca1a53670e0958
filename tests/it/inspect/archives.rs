//! Is every hostile zip refused, each for its own reason, and every honest one taken?

use std::{collections::HashSet, time::Duration};

use executor_hub::{
    domain::limits::PackageLimits,
    inspect::{PythonParser, RefusalClass, Request},
};
use nix::sys::{
    resource::{UsageWho, getrusage},
    time::TimeValLike as _,
};

use super::{
    hostile::{HOSTILE, Spoil, descriptor, truth},
    hostile_families::{Families, Hostile},
    inspect_with, inspect_zip,
    raw_zip::{RawZip, Zip64, crc, extra, wide},
    request, text_in,
};

#[test]
fn hostile_zips_are_refused_each_for_its_own_reason() {
    assert!(HOSTILE.len() >= 100);
    let mut wrong = Vec::new();
    for (kind, code, spoil) in HOSTILE {
        let mut zip = RawZip::good();
        spoil(&mut zip);
        match inspect_zip(&zip.bytes()) {
            Ok(_) => wrong.push(format!("{kind}: taken")),
            Err(refusal) => {
                if refusal.code != *code {
                    wrong.push(format!("{kind}: {refusal:?}"));
                }
                assert_eq!(refusal.class.number(), 5000, "{kind}");
                assert!(!refusal.message.contains(['\0', '\n', '\u{1b}', '\u{202e}']), "{kind}: {refusal:?}");
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_shape_of_a_lie_is_refused() {
    let families = Families::all().0;
    let different: HashSet<&[u8]> = families.iter().map(|hostile| hostile.bytes.as_slice()).collect();
    assert!(different.len() + HOSTILE.len() >= 300, "only {} are different", different.len());
    let mut wrong = Vec::new();
    for Hostile { kind, codes, bytes } in &families {
        match inspect_zip(bytes) {
            Ok(_) => wrong.push(format!("{kind}: taken")),
            Err(refusal) if codes.contains(&refusal.code) => {}
            Err(refusal) => wrong.push(format!("{kind}: {refusal:?}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Time of the processor that this thread has used.
fn processor_time() -> Duration {
    let used = getrusage(UsageWho::RUSAGE_THREAD).unwrap();
    let both = used.user_time() + used.system_time();
    Duration::from_micros(u64::try_from(both.num_microseconds()).unwrap())
}

#[test]
fn a_hostile_zip_is_refused_in_a_tenth_of_a_second() {
    let mut zips: Vec<(String, Vec<u8>)> =
        Families::all().0.into_iter().map(|hostile| (hostile.kind, hostile.bytes)).collect();
    for (kind, _, spoil) in HOSTILE {
        let mut zip = RawZip::good();
        spoil(&mut zip);
        zips.push(((*kind).to_owned(), zip.bytes()));
    }
    for count in [20_001, 65_000] {
        let mut zip = RawZip::good();
        for at in 0..count {
            zip.stored(&format!("{at}"), b"");
        }
        zips.push((format!("{count} entries"), zip.bytes()));
    }
    // All entries are fine but the last one, which clashes.
    let mut zip = RawZip::good();
    for at in 0..15_000 {
        zip.stored(&format!("folder/inner/{at}"), b"");
    }
    zip.stored("Folder/Inner/7", b"");
    zips.push(("clash at the end".to_owned(), zip.bytes()));
    for (kind, bytes) in zips {
        let start = processor_time();
        let refused = inspect_zip(&bytes).is_err();
        let used = processor_time().saturating_sub(start);
        assert!(refused && used < Duration::from_millis(100), "{kind}: refused {refused}, {used:?}");
    }
}

#[test]
fn odd_but_honest_zips_are_taken() {
    let honest: &[(&str, Spoil)] = &[
        ("as it is", |_| {}),
        ("folder entries", |z| {
            z.stored("folder/", b"").attributes = (0o040_755 << 16) | 0x10;
            z.stored("folder/inner/", b"").attributes = 0;
            z.stored("folder/inner/file", b"x");
        }),
        ("comment", |z| z.comment = b"a remark".to_vec()),
        ("signed descriptor", |z| {
            let values = truth(z);
            descriptor(z, values, true);
        }),
        ("bare descriptor", |z| {
            let values = truth(z);
            descriptor(z, values, false);
        }),
        ("forced 64 bits", |z| {
            let data = z.data();
            (data.local.packed, data.local.size) = (u32::MAX, u32::MAX);
            data.local.extra = wide(&[27, 27]);
        }),
        ("64-bit field beside true sizes", |z| z.data().local.extra = wide(&[27, 27])),
        ("64-bit end", |z| z.zip64 = Some(Zip64::default())),
        ("64-bit directory", |z| {
            let data = z.data();
            (data.central.packed, data.central.size) = (u32::MAX, u32::MAX);
            data.central.extra = wide(&[27, 27]);
        }),
        ("time stamps", |z| z.data().both(|f| f.extra = extra(0x5455, &[1, 0, 0, 0, 0])).after.clear()),
        ("no mode", |z| z.data().attributes = 0),
        ("a zip in the zip", |z| {
            let inner = RawZip::good().bytes();
            z.stored("inner.zip", &inner);
        }),
        ("same first name twice", |z| {
            z.stored("data.bin2", b"x");
            z.stored("data", b"x");
            z.stored("data-x/y", b"x");
        }),
        ("an array of zeros", |z| {
            z.deflated("zeros", &vec![0; 48 << 20]);
        }),
        ("foreign letters", |z| {
            z.stored("日本語/ファイル.txt", b"x");
        }),
    ];
    for (kind, spoil) in honest {
        let mut zip = RawZip::good();
        spoil(&mut zip);
        if let Err(refusal) = inspect_zip(&zip.bytes()) {
            panic!("{kind}: {refusal}");
        }
    }
}

#[test]
fn every_cut_of_a_zip_is_refused() {
    let good = RawZip::good().bytes();
    for length in 0..good.len() {
        let refusal = inspect_zip(&good[..length]).map(|_| ()).unwrap_err();
        assert_eq!(refusal.class, RefusalClass::Archive, "{length}: {refusal}");
        assert!(matches!(refusal.code, "archive_truncated" | "archive_not_zip"), "{length}: {refusal}");
    }
}

#[test]
fn every_flipped_byte_is_refused_or_harmless() {
    let good = RawZip::good().bytes();
    let contents = |zip: &[u8]| ["config.yml", "executor.py", "data.bin"].map(|path| text_in(zip, path));
    let (before, canonical) = inspect_zip(&good).unwrap();
    for at in 0..good.len() {
        for flip in [1, 0x80, 0xff] {
            let mut spoilt = good.clone();
            spoilt[at] ^= flip;
            // Times, system and execute bits are all that may differ in a good package.
            if let Ok((after, other)) = inspect_zip(&spoilt) {
                assert_eq!(after.package, before.package, "byte {at}");
                assert_eq!(contents(&other), contents(&canonical), "byte {at}");
            }
        }
    }
}

#[test]
fn random_bytes_are_no_zip() {
    for bytes in [
        &b""[..],
        b"P",
        b"PK",
        b"PK\x03\x04",
        b"not a zip at all, but long enough to be one maybe",
        &[0; 4096],
    ] {
        let refusal = inspect_zip(bytes).map(|_| ()).unwrap_err();
        assert!(matches!(refusal.code, "archive_not_zip" | "archive_truncated"), "{refusal}");
    }
    assert_eq!(inspect_zip(b"\x1f\x8b\x08 a tarball").map(|_| ()).unwrap_err().code, "archive_not_zip");
}

#[test]
fn limits_are_kept() {
    let zip = RawZip::good().bytes();
    let cases: [(&str, PackageLimits); 5] = [
        ("archive_too_large", PackageLimits { upload_bytes: 100, ..PackageLimits::default() }),
        ("archive_unpacked_too_large", PackageLimits { unpacked_bytes: 60, ..PackageLimits::default() }),
        ("archive_too_many_entries", PackageLimits { entries: 2, ..PackageLimits::default() }),
        ("archive_name_too_long", PackageLimits { path_bytes: 5, ..PackageLimits::default() }),
        ("file_too_large", PackageLimits { source_bytes: 10, ..PackageLimits::default() }),
    ];
    for (code, limits) in cases {
        let request = Request { limits, ..request() };
        let refusal = inspect_with(&zip, &request, &PythonParser::InProcess).map(|_| ()).unwrap_err();
        assert_eq!((refusal.code, refusal.class), (code, RefusalClass::TooLarge), "{refusal}");
    }
}

#[test]
fn the_test_writer_tells_the_truth() {
    assert_eq!(crc(b"123456789"), 0xcbf4_3926);
    let reader = zip::ZipArchive::new(std::io::Cursor::new(RawZip::good().bytes())).unwrap();
    assert_eq!(reader.len(), 3);
}
