//! Do we and Python's `zipfile` see the same files in odd zips? Either the same, or we refuse.

use base64::{Engine, prelude::BASE64_STANDARD};

use super::{CONFIG, SOURCE, inspect_zip};

/// Makes zips of many kinds, a part of them then spoilt at random, with what `zipfile` reads in each.
const MAKE: &str = r##"
import base64, hashlib, io, json, random, struct, sys, zipfile
config, source = json.load(sys.stdin)
def listing(raw):
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as z:
            return [[i.filename, i.file_size, hashlib.sha256(z.read(i)).hexdigest()] for i in z.infolist() if not i.is_dir()]
    except Exception as error:
        return None
class Unseekable(io.BytesIO):
    def seekable(self): return False
    def seek(self, *a): raise io.UnsupportedOperation
    def tell(self): raise io.UnsupportedOperation
out = []
for seed in range(600):
    r = random.Random(seed)
    stream = (Unseekable if r.random() < .25 else io.BytesIO)()
    with zipfile.ZipFile(stream, "w", r.choice([zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2]), compresslevel=r.choice([1, 6, 9])) as z:
        z.writestr("config.yml", config)
        z.writestr("executor.py", source)
        for n in range(r.randrange(6)):
            name = r.choice(["a", "b/c", "d/e/f", "ü", "日本/x", "x y", "UP", "up", "a/", "b\\c", "../q", "w" * 70, "é", "e\u0301", "/abs", "a//b", "zip"]) + (str(n) if r.random() < .8 else "")
            info = zipfile.ZipInfo(name, (r.randrange(1980, 2100), 1 + r.randrange(12), 1, 0, 0, 0))
            info.compress_type = r.choice([zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED])
            info.external_attr = r.choice([0, 0o100644 << 16, 0o755 << 16, 0o100600 << 16, 0x20, 0o120777 << 16 if r.random() < .1 else 0])
            info.create_system = r.choice([0, 3])
            if r.random() < .2: info.extra = struct.pack("<HHB", 0x9999, 1, 7)
            if r.random() < .2: info.comment = b"remark"
            body = r.randbytes(r.choice([0, 1, 100, 5000])) if r.random() < .5 else b"text " * r.randrange(2000)
            with z.open(info, "w", force_zip64=r.random() < .3) as f:
                f.write(body)
        if r.random() < .2: z.comment = r.choice([b"hello", b"PK", b"x" * 300])
    raw = bytearray(stream.getvalue())
    if seed % 3 == 0:
        for _ in range(r.randrange(1, 4)):
            kind = r.randrange(5)
            at = r.randrange(len(raw)) if r.random() < .4 else max(0, len(raw) - r.randrange(1, 400))
            if kind == 0: raw[at] ^= 1 << r.randrange(8)
            elif kind == 1: raw[at:at] = r.randbytes(r.randrange(1, 9))
            elif kind == 2: del raw[at:at + r.randrange(1, 9)]
            elif kind == 3: raw += r.choice([b"x", b"PK\5\6" + bytes(18), raw[-22:]])
            else: raw[0:0] = r.choice([b"#!/bin/sh\n", b"PK\3\4", b"\0"])
    out.append([base64.b64encode(bytes(raw)).decode(), listing(bytes(raw)), seed % 3 == 0])
json.dump(out, sys.stdout)
"##;

/// Reads what the Hub wrote.
const READ: &str = r"
import base64, hashlib, io, json, sys, zipfile
out = []
for text in json.load(sys.stdin):
    with zipfile.ZipFile(io.BytesIO(base64.b64decode(text))) as z:
        out.append([[i.filename, i.file_size, hashlib.sha256(z.read(i)).hexdigest()] for i in z.infolist()])
json.dump(out, sys.stdout)
";

#[test]
fn we_see_what_python_sees_or_refuse() {
    let made = super::python(MAKE, &serde_json::to_vec(&[CONFIG, SOURCE]).unwrap());
    let (mut taken, mut refused_clean) = (Vec::new(), Vec::new());
    for case in made.as_array().unwrap() {
        let bytes = BASE64_STANDARD.decode(case[0].as_str().unwrap()).unwrap();
        match inspect_zip(&bytes) {
            Ok((inspection, zip)) => taken.push((case, inspection, zip)),
            Err(refusal) if case[2] == false => refused_clean.push(refusal.code),
            Err(_) => {}
        }
    }
    // Clean zips are refused only for what is in them, never for how Python lays them out.
    let for_a_name_or_kind = [
        "archive_method",
        "archive_backslash",
        "archive_traversal",
        "archive_absolute_path",
        "archive_name_dot",
        "archive_case_clash",
        "archive_duplicate_name",
        "archive_normalisation_clash",
        "archive_file_and_folder",
        "archive_link",
        "archive_entry_type",
    ];
    for code in &refused_clean {
        assert!(for_a_name_or_kind.contains(code), "{code}");
    }
    assert!(taken.len() > 100, "only {} of 600 were taken", taken.len());

    let zips: Vec<_> = taken.iter().map(|(_, _, zip)| BASE64_STANDARD.encode(zip)).collect();
    let stored = super::python(READ, &serde_json::to_vec(&zips).unwrap());
    for ((case, inspection, _), stored) in taken.iter().zip(stored.as_array().unwrap()) {
        let mut theirs =
            case[1].as_array().unwrap_or_else(|| panic!("Python cannot read a zip that we took")).clone();
        theirs.sort_by_key(|file| file[0].as_str().unwrap().to_owned());
        let mut ours = stored.as_array().unwrap().clone();
        let listed: Vec<_> = inspection.package.files.iter().map(|f| (f.path.as_str(), f.size)).collect();
        let written: Vec<_> = ours.iter().map(|f| (f[0].as_str().unwrap(), f[1].as_u64().unwrap())).collect();
        assert_eq!(listed, written);
        ours.retain(|file| file[0] != "Dockerfile");
        assert_eq!(ours, theirs);
    }
}
