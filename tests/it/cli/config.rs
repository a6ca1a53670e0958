//! Do the commands about the configuration tell the truth, and nothing that is secret?

use std::{
    os::unix::fs::PermissionsExt as _,
    process::{Command, Output},
};

use serde_json::Value;

fn hub(environment: &[(&str, &str)], arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_executor-hub"));
    command.args(arguments).env_clear().envs(environment.iter().copied()).output().unwrap()
}

fn printed(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

const SECRET: &str = "canary-4711";

#[test]
fn show_names_sources_and_hides_secrets() {
    let key = format!("postgres://hub:{SECRET}@db/hub");
    let environment = [("HUB_DATABASE__URL", key.as_str()), ("HOME", "/home/alice")];
    let text = printed(&hub(&environment, &["config", "show", "--set", "builds.slots=3"]));
    assert!(text.contains("# environment HUB_DATABASE__URL") && !text.contains(SECRET), "{text}");
    assert!(
        text.lines().any(|line| line.starts_with("builds.slots = 3 ") && line.ends_with("# flag")),
        "{text}"
    );
    let json = printed(&hub(&environment, &["config", "show", "--json", "--changed"]));
    assert!(!json.contains(SECRET), "{json}");
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["database.url"]["source"], "environment HUB_DATABASE__URL");
    assert!(json["builds.slots"].is_null(), "a default was shown");
}

#[test]
fn init_writes_a_file_that_changes_nothing_and_only_its_owner_reads() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hub.toml");
    let file = path.to_str().unwrap();
    printed(&hub(&[], &["config", "init", file]));
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let environment = [("HOME", "/home/alice")];
    let without = printed(&hub(&environment, &["config", "show"]));
    let with = printed(&hub(&environment, &["config", "show", "--config", file]));
    let values = |text: &str| -> Vec<String> {
        text.lines().map(|line| line.split(" # ").next().unwrap().to_owned()).collect()
    };
    assert_eq!(values(&without), values(&with));
    let again = hub(&[], &["config", "init", file]);
    assert!(!again.status.success(), "it replaced an operator's file");
    printed(&hub(&[], &["config", "init", file, "--force"]));
}

#[test]
fn every_line_that_init_writes_is_a_setting_once_it_is_uncommented() {
    let text = printed(&hub(&[], &["config", "init"]));
    let uncommented: String = text
        .lines()
        .map(|line| {
            let setting = line.strip_prefix('#').filter(|rest| !rest.starts_with(' ') && rest.contains('='));
            format!("{}\n", setting.unwrap_or(line))
        })
        .collect();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hub.toml");
    std::fs::write(&path, uncommented).unwrap();
    let environment = [("HOME", "/home/alice"), ("HUB_CONFIG", path.to_str().unwrap())];
    let shown = printed(&hub(&environment, &["config", "show", "--json"]));
    let shown: Value = serde_json::from_str(&shown).unwrap();
    let defaults =
        shown.as_object().unwrap().values().filter(|setting| setting["source"] == "default").count();
    assert_eq!(defaults, 0, "{shown:#}");
}

#[test]
fn check_ends_with_three_and_names_the_slip() {
    let good = hub(&[("HOME", "/home/alice")], &["config", "check"]);
    assert!(good.status.success());
    let bad = hub(&[("HUB_SERVER__LISTN", "0.0.0.0:1")], &["config", "check"]);
    assert_eq!(bad.status.code(), Some(3));
    let said = String::from_utf8(bad.stderr).unwrap();
    assert!(said.contains("HUB_SERVER__LISTN") && said.contains("did you mean 'server.listen'"), "{said}");
}

#[test]
fn the_schema_knows_every_setting_that_is_shown() {
    let schema: Value = serde_json::from_str(&printed(&hub(&[], &["config", "schema"]))).unwrap();
    let shown = printed(&hub(&[("HOME", "/home/alice")], &["config", "show", "--json"]));
    let shown: Value = serde_json::from_str(&shown).unwrap();
    assert!(shown.as_object().unwrap().len() > 50);
    for key in shown.as_object().unwrap().keys() {
        let (section, name) = key.split_once('.').unwrap();
        assert!(schema["properties"][section]["properties"][name].is_object(), "{key}");
    }
}
