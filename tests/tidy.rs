//! Does the source keep the shape that docs/ARCHITECTURE.md draws? A plain text scan: who imports whom, which crate is used
//! where, and that every file opens with the question it answers.

#![expect(clippy::unwrap_used, reason = "a scan that cannot read its files should say where")]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// Who may import whom (`domain` and `error` are open to everybody above them). A name with `::` allows that part only.
const IMPORTS: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("error", &[]),
    ("config", &[]),
    ("telemetry", &["config"]),
    ("inspect", &[]),
    ("postgres", &[]),
    ("store", &["config"]),
    ("blobs", &["config"]),
    ("auth", &["config", "store"]),
    ("images", &["config", "store", "blobs"]),
    ("builds", &["config", "telemetry", "store", "blobs", "images", "auth::Keys"]),
    ("hub", &["config", "store", "blobs", "inspect", "auth", "images", "builds::queue", "builds::progress"]),
    ("check", &["store", "blobs"]),
    ("backup", &["config", "store", "blobs", "auth", "check"]),
    (
        "app",
        &["config", "telemetry", "store", "blobs", "auth", "images", "builds", "hub", "inspect", "check"],
    ),
    ("http", &["config", "telemetry", "auth", "images", "builds::progress", "hub", "app"]),
    (
        "cli",
        &[
            "config",
            "telemetry",
            "store",
            "blobs",
            "auth",
            "builds",
            "hub",
            "app",
            "http",
            "inspect",
            "postgres",
            "backup",
        ],
    ),
];

/// Third-party crates that only certain files may name.
const FENCES: &[(&str, &[&str])] = &[
    ("axum", &["src/http/"]),
    ("askama", &["src/http/"]),
    ("pulldown_cmark", &["src/http/portal/"]),
    ("similar", &["src/http/portal/"]),
    ("hyper_util", &["src/http/", "src/cli/web.rs", "src/builds/docker/offer.rs"]),
    ("rustls", &["src/http/tls.rs", "src/cli/web.rs", "src/cli/doctor/", "src/blobs/backend.rs"]),
    ("multer", &["src/http/"]),
    ("sqlx", &["src/store/", "src/postgres/", "src/domain/", "src/cli/database.rs"]),
    ("object_store", &["src/blobs/"]),
    ("bollard", &["src/builds/docker/"]),
    ("tonic", &["src/builds/docker/"]),
    ("zip", &["src/inspect/", "src/builds/docker/context.rs"]),
    ("ruff_python_parser", &["src/inspect/"]),
    ("clap", &["src/cli/"]),
    ("anyhow", &["src/cli/", "src/main.rs"]),
];

fn files(folder: &str) -> Vec<PathBuf> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    walk(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), &mut found);
    found.sort();
    assert!(!found.is_empty(), "{folder} has files");
    found
}

fn relative(path: &Path) -> String {
    path.strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap().to_str().unwrap().to_owned()
}

/// The module of a file: the first folder or file name below `src`.
fn module(path: &str) -> &str {
    let below = path.strip_prefix("src/").unwrap();
    below.split('/').next().unwrap().trim_end_matches(".rs")
}

/// Every `crate::…` path of a text, with the groups of `use` unfolded one level.
fn crate_paths(text: &str) -> Vec<String> {
    let code: String =
        text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    let mut paths = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        if let Some(group) = rest.strip_prefix('{') {
            let mut depth = 1;
            let mut item = String::new();
            for c in group.chars() {
                match c {
                    '{' => depth += 1,
                    '}' => depth -= 1,
                    _ => {}
                }
                if depth == 0 || (depth == 1 && c == ',') {
                    paths.push(item.trim().to_owned());
                    item.clear();
                    if depth == 0 {
                        break;
                    }
                } else {
                    item.push(c);
                }
            }
        } else {
            paths.push(
                rest.chars().take_while(|c| c.is_alphanumeric() || matches!(c, '_' | ':' | '{')).collect(),
            );
        }
    }
    paths.retain(|path| !path.is_empty());
    paths
}

#[test]
fn every_file_opens_with_the_question_it_answers() {
    let silent: Vec<String> = ["src", "tests"]
        .iter()
        .flat_map(|folder| files(folder))
        .filter(|path| !fs::read_to_string(path).unwrap().starts_with("//! "))
        .map(|path| relative(&path))
        .collect();
    assert_eq!(silent, Vec::<String>::new());
}

#[test]
fn modules_import_only_what_lies_below_them() {
    let mut wrong = Vec::new();
    for path in files("src") {
        let name = relative(&path);
        let module = module(&name);
        if matches!(module, "lib" | "main") {
            continue;
        }
        let (_, allowed) =
            IMPORTS.iter().find(|(row, _)| *row == module).unwrap_or_else(|| panic!("no row for {module}"));
        for import in crate_paths(&fs::read_to_string(&path).unwrap()) {
            let target = import.split("::").next().unwrap();
            let is_open = target == module || (module != "domain" && matches!(target, "domain" | "error"));
            let is_allowed = allowed.iter().any(|entry| match entry.split_once("::") {
                None => *entry == target,
                Some((row, part)) => row == target && import.contains(part),
            });
            if !is_open && !is_allowed {
                wrong.push(format!("{name}: crate::{import}"));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn surfaces_never_import_each_other() {
    let surfaces = ["v1", "v2", "api", "oci", "portal"];
    let mut wrong = Vec::new();
    for path in files("src/http") {
        let name = relative(&path);
        let own = surfaces.iter().find(|surface| name.contains(&format!("/http/{surface}/")));
        for import in crate_paths(&fs::read_to_string(&path).unwrap()) {
            for surface in surfaces {
                if own != Some(&surface) && import.contains(&format!("http::{surface}")) {
                    wrong.push(format!("{name}: crate::{import}"));
                }
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn crates_stay_behind_their_fences() {
    let mut wrong = BTreeSet::new();
    for path in files("src") {
        let name = relative(&path);
        for line in fs::read_to_string(&path).unwrap().lines() {
            let line = line.trim_start();
            if line.starts_with("//") {
                continue;
            }
            for (fenced, homes) in FENCES {
                let names = line.starts_with(&format!("use {fenced}::"))
                    || line.contains(&format!(" {fenced}::"))
                    || line.contains(&format!("({fenced}::"));
                if names && !homes.iter().any(|home| name.starts_with(home)) {
                    wrong.insert(format!("{name}: {fenced}"));
                }
            }
        }
    }
    assert_eq!(wrong.into_iter().collect::<Vec<_>>(), Vec::<String>::new());
}

#[test]
fn names_say_what_they_are() {
    let vague = ["util", "utils", "common", "helper", "helpers", "misc", "manager"];
    let found: Vec<String> = ["src", "tests"]
        .iter()
        .flat_map(|folder| files(folder))
        .filter(|path| vague.contains(&path.file_stem().unwrap().to_str().unwrap()))
        .map(|path| relative(&path))
        .collect();
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn every_source_file_is_reached_by_a_module() {
    let mut dead = Vec::new();
    for path in files("src") {
        let stem = path.file_stem().unwrap().to_str().unwrap();
        let folder = path.parent().unwrap();
        let (parent, name) = match stem {
            "lib" | "main" => continue,
            "mod" => (
                folder.parent().unwrap().to_owned(),
                folder.file_name().unwrap().to_str().unwrap().to_owned(),
            ),
            stem => (folder.to_owned(), stem.to_owned()),
        };
        let declares = |file: &str| {
            fs::read_to_string(parent.join(file)).is_ok_and(|text| {
                text.lines().any(|line| line.trim_start().ends_with(&format!("mod {name};")))
            })
        };
        if !declares("mod.rs") && !declares("lib.rs") {
            dead.push(relative(&path));
        }
    }
    assert_eq!(dead, Vec::<String>::new());
}

#[test]
fn documents_name_only_tests_that_exist() {
    let code: String = ["src", "tests"]
        .iter()
        .flat_map(|folder| files(folder))
        .map(|path| fs::read_to_string(path).unwrap())
        .collect();
    for document in ["docs/CLIENTS.md", "docs/WIRE-QUIRKS.md", "docs/IMAGES.md"] {
        let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(document)).unwrap();
        let named = text.split('`').skip(1).step_by(2).filter_map(|quoted| quoted.split_once("::"));
        let missing: Vec<&str> = named
            .clone()
            .map(|(_, test)| test)
            .filter(|test| !code.contains(&format!("fn {}()", test.rsplit("::").next().unwrap_or(test))))
            .collect();
        assert!(named.count() > 20, "{document} names tests");
        assert_eq!(missing, Vec::<&str>::new(), "{document}");
    }
}
