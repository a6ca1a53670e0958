//! Is the zip that the Hub writes always the same for the same files, and true in its digests?

use md5::Md5;
use sha2::{Digest, Sha256};

use super::{CONFIG, SOURCE, inspect_zip, python, raw_zip::RawZip};

#[test]
fn digests_are_those_of_the_bytes_written() {
    let (inspection, zip) = inspect_zip(&RawZip::good().bytes()).unwrap();
    assert_eq!(inspection.zip.size, zip.len() as u64);
    assert_eq!(inspection.zip.sha256.to_string(), hex::encode(Sha256::digest(&zip)));
    assert_eq!(inspection.zip.md5.to_string(), hex::encode(Md5::digest(&zip)));
}

#[test]
fn the_same_upload_gives_the_same_zip_and_so_does_what_was_pulled() {
    let upload = RawZip::good().bytes();
    let (first, zip) = inspect_zip(&upload).unwrap();
    let (second, again) = inspect_zip(&upload).unwrap();
    assert_eq!((first.zip, &zip), (second.zip, &again));
    let (third, pulled) = inspect_zip(&zip).unwrap();
    assert_eq!((first.zip, &zip), (third.zip, &pulled));
}

#[test]
fn order_tool_and_time_do_not_change_the_content() {
    let script = format!(
        r##"
import io, json, random, zipfile, base64
files = {{"config.yml": {CONFIG:?}, "executor.py": {SOURCE:?}, "a/b.txt": "x" * 5000, "ünï.txt": "y", "run.sh": "#!/bin/sh"}}
out = []
for seed in range(6):
    names = list(files)
    random.Random(seed).shuffle(names)
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", [zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED][seed % 2], compresslevel=1 + seed) as z:
        if seed > 3:
            z.writestr(zipfile.ZipInfo("a/"), b"")
        for name in names:
            info = zipfile.ZipInfo(name, (1981 + seed, 1, 1, 1, 1, seed))
            info.external_attr = (0o100755 if name == "run.sh" else [0o100644, 0o100600, 0o100664][seed % 3]) << 16
            info.compress_type = z.compression
            z.writestr(info, files[name])
    out.append(base64.b64encode(stream.getvalue()).decode())
print(json.dumps(out))
"##
    );
    let zips = python(&script, b"");
    let contents: Vec<_> = zips
        .as_array()
        .unwrap()
        .iter()
        .map(|zip| {
            use base64::{Engine, prelude::BASE64_STANDARD};
            inspect_zip(&BASE64_STANDARD.decode(zip.as_str().unwrap()).unwrap()).unwrap().0.zip.content
        })
        .collect();
    assert_eq!(contents.len(), 6);
    assert!(contents.iter().all(|content| *content == contents[0]), "{contents:?}");
}

#[test]
fn another_byte_name_or_mode_changes_the_content() {
    let content = |spoil: fn(&mut RawZip)| {
        let mut zip = RawZip::good();
        spoil(&mut zip);
        inspect_zip(&zip.bytes()).unwrap().0.zip.content
    };
    let plain = content(|_| {});
    let other = [
        content(|z| z.data().attributes = 0o100_755 << 16),
        content(|z| z.data().both(|f| f.name = b"data.bim".to_vec()).after.clear()),
        content(|z| {
            z.entries.pop();
            z.stored("data.bin", b"some data that nobody readS");
        }),
        content(|z| {
            z.stored("more", b"");
        }),
    ];
    for (at, content) in other.iter().enumerate() {
        assert!(*content != plain && !other[..at].contains(content), "{at}");
    }
}

#[test]
fn nothing_but_paths_modes_and_contents_is_written() {
    let mut zip = RawZip::good();
    zip.comment = b"a remark".to_vec();
    zip.stored("folder/", b"").attributes = 0;
    zip.stored("run", b"x").attributes = 0o104_711 << 16;
    let data = zip.data();
    data.attributes = 0o100_711 << 16;
    data.comment = b"a remark".to_vec();
    data.both(|f| f.extra = super::raw_zip::extra(0x7875, &[1, 4, 0, 0, 0, 0, 4, 0, 0, 0, 0]));
    let (_, written) = inspect_zip(&zip.bytes()).unwrap();
    let script = r#"
import io, json, sys, zipfile
with zipfile.ZipFile(io.BytesIO(sys.stdin.buffer.read())) as z:
    assert z.testzip() is None and z.comment == b""
    print(json.dumps([[i.filename, i.external_attr >> 16, i.external_attr & 0xffff, list(i.date_time), len(i.extra), len(i.comment), i.flag_bits] for i in z.infolist()]))
"#;
    let listed = python(script, &written);
    let expected = ["Dockerfile", "config.yml", "data.bin", "executor.py", "run"].map(|name| {
        serde_json::json!([
            name,
            if name == "run" { 0o100_755 } else { 0o100_644 },
            0,
            [1980, 1, 1, 0, 0, 0],
            0,
            0,
            0
        ])
    });
    assert_eq!(listed, serde_json::json!(expected));
}

#[test]
fn large_files_pass_in_constant_pieces() {
    // Not compressible, and longer than several of the reader's and writer's steps.
    let mut state = 1u32;
    let noise: Vec<u8> = std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    })
    .take(3_000_001)
    .collect();
    for pack in [RawZip::stored, RawZip::deflated] {
        let mut zip = RawZip::good();
        pack(&mut zip, "weights.bin", &noise);
        let (inspection, written) = inspect_zip(&zip.bytes()).unwrap();
        assert_eq!(inspection.zip.sha256.to_string(), hex::encode(Sha256::digest(&written)));
        let mut archive = zip::ZipArchive::new(std::io::Cursor::new(written)).unwrap();
        let mut read = Vec::new();
        std::io::copy(&mut archive.by_name("weights.bin").unwrap(), &mut read).unwrap();
        assert!(read == noise);
    }
}
