//! Does inspection take what is good, refuse what is not, and say why? Packages are built in memory; the parser and
//! `python3` are real.

mod agreement;
mod archives;
mod bad_packages;
mod canonical;
mod config;
mod endpoints;
mod findings;
mod good_packages;
mod hostile;
mod hostile_families;
mod packages;
mod python;
mod raw_zip;
mod recipe;
mod yaml_agreement;

use std::{
    fs::File,
    io::{Read, Seek, Write},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use executor_hub::{
    domain::limits::PackageLimits,
    inspect::{InspectError, Inspection, PythonParser, Refusal, Request, inspect},
};

use self::raw_zip::RawZip;
use crate::support::child::setting;

const BASE_IMAGE: &str = "jinaai/jina:3.27.0-py310-perf";
const CONFIG: &str = "jtype: Mine\npy_modules: [executor.py]\n";
const SOURCE: &str = "from jina import Executor\n\n\nclass Mine(Executor):\n    pass\n";

fn request() -> Request<'static> {
    Request {
        dockerfile: None,
        build_env_names: &[],
        base_image: BASE_IMAGE,
        limits: PackageLimits::default(),
    }
}

fn child() -> PythonParser {
    PythonParser::Child { program: PathBuf::from(env!("CARGO_BIN_EXE_executor-hub")) }
}

fn file_of(bytes: &[u8]) -> File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    file
}

/// Inspects a zip; gives the canonical one too.
fn inspect_with(
    bytes: &[u8],
    request: &Request<'_>,
    parser: &PythonParser,
) -> Result<(Inspection, Vec<u8>), Refusal> {
    let mut canonical = tempfile::tempfile().unwrap();
    match inspect(&file_of(bytes), &canonical, request, parser) {
        Ok(inspection) => {
            let mut written = Vec::new();
            canonical.rewind().unwrap();
            canonical.read_to_end(&mut written).unwrap();
            Ok((inspection, written))
        }
        Err(InspectError::Refused(refusal)) => Err(refusal),
        Err(InspectError::Io(error)) => panic!("no input may cause an I/O error: {error}"),
    }
}

fn inspect_zip(bytes: &[u8]) -> Result<(Inspection, Vec<u8>), Refusal> {
    inspect_with(bytes, &request(), &PythonParser::InProcess)
}

fn inspect_files(files: &[(&str, &str)]) -> Result<(Inspection, Vec<u8>), Refusal> {
    inspect_zip(&zip_of(files))
}

fn zip_of(files: &[(&str, &str)]) -> Vec<u8> {
    let mut zip = RawZip::default();
    for (path, text) in files {
        zip.deflated(path, text.as_bytes());
    }
    zip.bytes()
}

/// The text of one file of a zip that the Hub wrote, as the `zip` crate reads it.
fn text_in(zip: &[u8], path: &str) -> Option<String> {
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(zip)).unwrap();
    let mut text = String::new();
    archive.by_name(path).ok()?.read_to_string(&mut text).unwrap();
    Some(text)
}

/// Runs a Python script with bytes on its standard input; its standard output must be JSON.
fn python(script: &str, input: &[u8]) -> serde_json::Value {
    python_of("python3".into(), script, input)
}

/// The same with the `PyYAML` of a real client.
fn pyyaml(script: &str, input: &[u8]) -> serde_json::Value {
    let clients = setting("EXECUTOR_HUB_TEST_CLIENTS").expect(
        "this test needs PyYAML: set EXECUTOR_HUB_TEST_CLIENTS to what scripts/python-clients.sh prints",
    );
    python_of(Path::new(&clients).join("sdk-0.39.0/bin/python"), script, input)
}

fn python_of(program: PathBuf, script: &str, input: &[u8]) -> serde_json::Value {
    let mut child = Command::new(program)
        .args(["-c", script])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("python3 is needed for these tests: {error}"));
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "the Python script failed");
    serde_json::from_slice(&output.stdout).unwrap()
}
