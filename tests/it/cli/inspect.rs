//! Does `executor-hub inspect` show an author what the Hub would see? Folders on disk, the real program.

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::Path,
    process::{Command, Output},
};

use executor_hub::domain::package::{Dockerfile, Package};
use serde_json::Value;
use tempfile::TempDir;

const SOURCE: &str = r#"from jina import Executor, requests


class Mine(Executor):
    """Finds things.

    At length.
    """

    def __init__(self, size: int = 3, *, names: 'List[str]' = (), **kwargs):
        super().__init__(**kwargs)

    @requests
    async def other(self, docs, **kwargs): ...

    @requests(on=['/index', '/update'])
    def index(self, docs, **kwargs): ...
"#;

fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

fn package(more: &[(&str, &str)]) -> TempDir {
    let mut files = vec![("config.yml", "jtype: Mine\npy_modules: executor.py\n"), ("executor.py", SOURCE)];
    files.extend(more);
    folder(&files)
}

fn run(path: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_executor-hub"))
        .env_clear()
        .env("HOME", "/nowhere")
        .arg("inspect")
        .arg(path)
        .args(arguments)
        .output()
        .unwrap()
}

fn found(path: &Path, arguments: &[&str]) -> Package {
    let output = run(path, &[arguments, &["--json"]].concat());
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn refused(path: &Path, arguments: &[&str]) -> Value {
    let output = run(path, &[arguments, &["--json"]].concat());
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn paths(package: &Package) -> Vec<&str> {
    package.files.iter().map(|file| file.path.as_str()).collect()
}

#[test]
fn an_author_reads_what_the_hub_will_show() {
    let folder = package(&[
        ("manifest.yml", "name: Finder\ndescription: Finds it.\nkeywords: [a, b]\nurl: https://h/\n"),
        ("requirements.txt", "numpy>=1\ngit+https://u:${TOKEN}@h/x.git#egg=x\n"),
        ("README.md", "Hello"),
    ]);
    let output = run(folder.path(), &["--build-env", "TOKEN=value"]);
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let expected = "\
Name          Finder
Class         Mine in executor.py
About         Finds it.
Keywords      a, b
Address       https://h/
Arguments     size: int = 3
              names: 'List[str]' = ()
              **kwargs
Endpoints     every other path (other)
              /index, /update (index)
Dependencies  numpy>=1
              git+https://h/x.git#egg=x
Build env     TOKEN
Dockerfile    written by the Hub
Package       6 files, ";
    assert!(text.starts_with(expected), "{text}");
    assert!(text.contains("; packed ") && output.stderr.is_empty(), "{text}");
}

#[test]
fn a_refusal_says_code_cause_and_remedy() {
    let folder = folder(&[("config.yml", "jtype: Mine\npy_modules: gone.py\n")]);
    let output = run(folder.path(), &[]);
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(
        text.starts_with("executor-hub: refused (py_module_missing): config.yml names 'gone.py'"),
        "{text}"
    );
    assert!(text.contains("Correct the path"), "{text}");
    let error = &refused(folder.path(), &[])["error"];
    assert_eq!(error["code"], "py_module_missing");
    assert!(error["message"].as_str().unwrap().contains("'gone.py'"));
    assert!(error["remedy"].as_str().unwrap().starts_with("Correct the path"));
}

#[test]
fn only_what_the_clients_send_is_looked_at() {
    let folder = package(&[
        (".gitignore", "*.bin\n/data/*\n!/data/kept.txt\n"),
        (".git/config", ""),
        (".jina/secret.key", "x"),
        ("model.bin", "x"),
        ("deep/model.bin", "x"),
        ("data/big", "x"),
        ("data/kept.txt", "x"),
        ("__pycache__/x.pyc", ""),
    ]);
    fs::set_permissions(folder.path().join("executor.py"), fs::Permissions::from_mode(0o755)).unwrap();
    let with_own = found(folder.path(), &[]);
    assert_eq!(
        paths(&with_own),
        [".gitignore", "Dockerfile", "__pycache__/x.pyc", "config.yml", "data/kept.txt", "executor.py"]
    );
    fs::remove_file(folder.path().join(".gitignore")).unwrap();
    let built_in = found(folder.path(), &[]);
    assert_eq!(
        paths(&built_in),
        [
            "Dockerfile",
            "config.yml",
            "data/big",
            "data/kept.txt",
            "deep/model.bin",
            "executor.py",
            "model.bin"
        ]
    );
}

#[test]
fn links_are_followed_as_the_clients_follow_them_and_circles_end() {
    let folder = package(&[("real/x.txt", "x")]);
    symlink("real", folder.path().join("also")).unwrap();
    symlink("real/x.txt", folder.path().join("y.txt")).unwrap();
    let package = found(folder.path(), &[]);
    assert_eq!(
        paths(&package),
        ["Dockerfile", "also/x.txt", "config.yml", "executor.py", "real/x.txt", "y.txt"]
    );
    symlink("..", folder.path().join("real/up")).unwrap();
    assert_eq!(refused(folder.path(), &[])["error"]["code"], "archive_too_deep");
    fs::remove_file(folder.path().join("real/up")).unwrap();
    symlink("gone", folder.path().join("broken")).unwrap();
    assert_eq!(refused(folder.path(), &[])["error"]["code"], "folder_unreadable");
}

#[test]
fn folder_and_zip_of_it_are_the_same_package() {
    let folder = package(&[("README.md", "Hello")]);
    let zip = folder.path().join("made.zip");
    let script =
        "import sys, zipfile\nz = zipfile.ZipFile('made.zip', 'w')\nfor p in sys.argv[1:]: z.write(p)\n";
    let made = Command::new("python3")
        .args(["-c", script, "config.yml", "executor.py", "README.md"])
        .current_dir(folder.path())
        .status()
        .unwrap();
    assert!(made.success());
    let of_zip = found(&zip, &[]);
    fs::remove_file(&zip).unwrap();
    assert_eq!(found(folder.path(), &[]), of_zip);
}

#[test]
fn what_a_push_would_say_can_be_said() {
    let folder = package(&[("requirements.txt", "x==${VERSION}\n"), ("docker/gpu", "FROM scratch\n")]);
    let error = refused(folder.path(), &[]);
    assert_eq!(error["error"]["code"], "build_env_missing");
    let package =
        found(folder.path(), &["--build-env", "VERSION", "--build-env", "B", "--dockerfile", "docker/gpu"]);
    assert_eq!(package.required_variables, ["VERSION"]);
    assert_eq!(package.dockerfile, Dockerfile::Author { path: "docker/gpu".into() });
    let output = run(folder.path(), &["--build-env", "_no"]);
    assert_eq!(output.status.code(), Some(2), "a bad name is a mistake in the call");
}

#[test]
fn a_path_that_cannot_be_read_is_no_refusal() {
    let output = run(Path::new("/nowhere/at/all.zip"), &["--json"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty());
    assert!(String::from_utf8_lossy(&output.stderr).contains("/nowhere/at/all.zip cannot be read"));
}

#[test]
fn authors_cannot_steer_the_terminal() {
    let folder = package(&[("manifest.yml", "name: \"a\\e[2Jb\\u202e\"\n")]);
    let output = run(folder.path(), &[]);
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.starts_with("Name          a?[2Jb?\n"), "{text:?}");
}

/// Peak memory of a run and of its children, in KiB.
fn peak_memory(path: &Path) -> u64 {
    let script = "import resource, subprocess, sys\nsubprocess.run(sys.argv[1:], env={'HOME': '/nowhere'}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)\nprint(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)\n";
    let output = Command::new("python3")
        .args(["-c", script, env!("CARGO_BIN_EXE_executor-hub"), "inspect"])
        .arg(path)
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap().trim().parse().unwrap()
}

#[test]
fn hostile_files_cost_little_memory() {
    const SIZE: usize = 255 << 10;
    let fill = |start: &str, piece: &str, end: &str, bytes: usize| {
        format!("{start}{}{end}", piece.repeat((bytes - start.len() - end.len()) / piece.len()))
    };
    let (yaml, toml) = ((64 << 10) - 8, (128 << 10) - 8);
    let hostile = [
        ("config.yml", fill("{", "a,", "}", yaml)),
        ("config.yml", fill("{", "a:,", "", yaml)),
        ("config.yml", fill("[", ",", "]", yaml)),
        ("config.yml", fill("[", "a: b,", "]", yaml)),
        ("config.yml", fill("x: [", "&a b,", "]", yaml)),
        ("config.yml", fill("{", "a,", "}", SIZE)),
        ("manifest.yml", fill("[", "{},", "]", yaml)),
        ("pyproject.toml", fill("a=", "[", "", toml)),
        ("pyproject.toml", fill("a", ".a", "=1", toml)),
        ("pyproject.toml", fill("a=[", "1,", "]", toml)),
        ("pyproject.toml", fill("a=[", "{},", "]", toml)),
        ("pyproject.toml", fill("", "[[a]]\n", "", toml)),
        ("requirements.txt", fill("", "a\n", "", SIZE)),
        ("requirements.txt", fill("", "${A}", "", SIZE)),
        ("requirements.txt", fill("", "://", "", SIZE)),
        ("Dockerfile", fill("FROM x\n", "RUN x\n", "", SIZE)),
    ];
    let baseline = peak_memory(package(&[]).path());
    for (path, text) in &hostile {
        let peak = peak_memory(package(&[(path, text)]).path());
        assert!(peak < baseline + (16 << 10), "{path} {:?}…: {peak} KiB over {baseline} KiB", &text[..12]);
    }
}
