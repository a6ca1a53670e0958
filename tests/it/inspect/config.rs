//! Does YAML mean to the Hub what it means to `PyYAML`, before and after it was written again?

use std::fmt::Write;

use super::{SOURCE, inspect_files, pyyaml, text_in};

const MANIFEST: &str = "name: MyExecutor\ndescription: >\n  Some\n  words.\nurl: https://example.com\nkeywords: [a, b, a]\nversion: 3\n";

#[test]
fn the_manifest_goes_before_the_metas() {
    let config = "jtype: Mine\npy_modules: executor.py\nmetas:\n  name: Old\n  url: 'https://old.example'\n  workspace: ./here\nwith: {a: 1}\n";
    let files = [("config.yml", config), ("executor.py", SOURCE), ("manifest.yml", MANIFEST)];
    let (inspection, zip) = inspect_files(&files).unwrap();
    let package = inspection.package;
    assert_eq!(package.name.as_deref(), Some("MyExecutor"));
    assert_eq!(package.description.as_deref(), Some("Some words."));
    assert_eq!(package.url.as_deref(), Some("https://example.com"));
    assert_eq!(package.keywords, ["a", "b"]);
    assert_eq!(
        text_in(&zip, "config.yml").unwrap(),
        "jtype: Mine\npy_modules: executor.py\nmetas:\n  name: MyExecutor\n  url: \"https://example.com\"\n  workspace: \"./here\"\n  \
         description: \"Some words.\\n\"\n  keywords:\n    - a\n    - b\n    - a\nwith:\n  a: 1\n"
    );
}

#[test]
fn a_manifest_is_merged_into_a_generated_config() {
    let (inspection, zip) = inspect_files(&[("my.py", SOURCE), ("manifest.yml", "name: Shown\n")]).unwrap();
    assert_eq!(inspection.package.name.as_deref(), Some("Shown"));
    assert_eq!(
        text_in(&zip, "config.yml").unwrap(),
        "jtype: Mine\nmetas:\n  py_modules:\n    - my.py\n  name: Shown\n"
    );
}

#[test]
fn an_unquoted_number_is_taken_as_written_with_a_notice() {
    for name in ["2021", "no", "1:30", "010", "2020-01-01", "1_000", ".5", "="] {
        let config = format!("jtype: Mine\npy_modules: executor.py\nmetas:\n  name: {name}\n");
        let (inspection, _) = inspect_files(&[("config.yml", &config), ("executor.py", SOURCE)]).unwrap();
        assert_eq!(inspection.package.name.as_deref(), Some(name));
        assert!(inspection.package.notices[0].contains("config.yml, line 4"), "{name}");
    }
    for name in ["'2021'", "08", "1.2.3", "yep", "1e5", "0o17", "n", "2020-1-1"] {
        let config =
            format!("jtype: Mine\npy_modules: executor.py\nmetas:\n  name: {name}x\n").replace("'x", "'");
        let config = if name.contains('\'') { config } else { config.replace("x\n", "\n") };
        let (inspection, _) = inspect_files(&[("config.yml", &config), ("executor.py", SOURCE)])
            .unwrap_or_else(|refusal| panic!("{name}: {refusal}"));
        assert!(inspection.package.notices.is_empty(), "{name}: {:?}", inspection.package.notices);
    }
}

/// Unquoted scalars around every edge of YAML 1.1's types.
const SCALARS: &[&str] = &[
    "yes",
    "Yes",
    "YES",
    "yES",
    "no",
    "No",
    "on",
    "On",
    "off",
    "OFF",
    "true",
    "True",
    "TRUE",
    "tRUE",
    "false",
    "y",
    "n",
    "~",
    "null",
    "Null",
    "NULL",
    "nULL",
    "0",
    "00",
    "07",
    "08",
    "0o7",
    "0x1F",
    "0xg",
    "0b11",
    "0b2",
    "1_000",
    "_1",
    "+1",
    "-1",
    "--1",
    "1:30",
    "1:60",
    "01:30",
    "190:20:30",
    "190:20:30.15",
    "1:2:3:4",
    "1.",
    "1.5",
    ".5",
    "+.5",
    "-.5",
    "._5",
    "1e5",
    "1.0e5",
    "1.0e+5",
    "1.5E-3",
    "1.e+2",
    ".inf",
    "-.Inf",
    "+.INF",
    ".iNF",
    ".nan",
    ".NaN",
    "+.nan",
    "2001-12-14",
    "2001-1-1",
    "2001-12-14t21:59:43.10-05:00",
    "2001-12-14 21:59:43.10 -5",
    "2001-12-15 2:59:43.10",
    "2001-12-14T21:59:43Z",
    "1.2.3",
    "v1.0",
    "1 2",
    "a b",
    "a  b",
    "a#b",
    "http://x/y?z#f",
    "a:b",
    "x/y",
    "1e",
    "0x",
    "0b",
    "0_",
    "1__0",
    "1_.5",
    "1._5",
    "12:30:45",
    "+12:30",
    "é",
    "日本",
    "a,b",
    "-x",
    "x-",
    "...x",
    "3.",
    "--",
    "+",
    ".",
    "..",
    "_",
    "1-",
    "1-1",
    "2020-13-45x",
];

fn scalars() -> Vec<String> {
    let mut all: Vec<String> = SCALARS.iter().map(ToString::to_string).collect();
    all.extend((0..200).map(|n| format!("{}{}{}", n % 13, [".", ":", "_", "-"][n % 4], n)));
    all
}

#[test]
fn a_rewritten_config_means_the_same_to_pyyaml() {
    let mut config = String::from("jtype: Mine\npy_modules: executor.py\nmetas: {name: old}\nplain:\n");
    for text in scalars() {
        writeln!(config, "  - {text}").unwrap();
    }
    config.push_str("quoted:\n");
    for text in scalars() {
        writeln!(config, "  - '{text}'\n  - \"{text}\"").unwrap();
    }
    config.push_str("keys:\n");
    for (at, text) in scalars().iter().enumerate().filter(|(_, text)| !text.starts_with("2020-13")) {
        writeln!(config, "  ? {text}\n  : {at}").unwrap();
    }
    config.push_str(
        r#"anchored: &a
  list: [1, 'two', {three: 3.0}]
  empty list: []
  empty map: {}
  nothing:
merged:
  <<: *a
  more: *a
folded: >-
  one
  two

  three
literal: |+
  one
   two

controls: "tab\t nul\0 bell\a nel\N nbsp\_ ls\L ps\P snowman\u2603 face\U0001F600 quote\" slash\\ bom\uFEFF"
'a: colon': 1
'# hash': 2
'': 3
"- dash": 4
true: 5
nested:
- - - deep
    - x: [{y: z}]
  - []
-1: minus
binary: !!binary aGVsbG8=
text: !!str 12
number: !!int '12'
set: !!set {a, b}
"#,
    );
    writeln!(config, "{}: long key", "k".repeat(1000)).unwrap();
    let files = [("config.yml", config.as_str()), ("executor.py", SOURCE), ("manifest.yml", "name: new\n")];
    let (_, zip) = inspect_files(&files).unwrap();
    let written = text_in(&zip, "config.yml").unwrap();
    let (_, again) = inspect_files(&[
        ("config.yml", &written),
        ("executor.py", SOURCE),
        ("manifest.yml", "name: newer\n"),
    ])
    .unwrap();
    assert_eq!(text_in(&again, "config.yml").unwrap(), written.replacen("name: new", "name: newer", 1));
    let script = r#"
import json, sys, yaml
before, after = json.load(sys.stdin)
before, after = yaml.safe_load(before), yaml.safe_load(after)
before["metas"]["name"] = "new"
wrong = [[repr(k), repr(v), repr(after.get(k))] for k, v in before.items() if repr(after.get(k)) != repr(v)]
print(json.dumps(wrong + ([] if list(before) == list(after) else [["keys", repr(list(before)), repr(list(after))]])))
"#;
    let wrong = pyyaml(script, &serde_json::to_vec(&[&config, &written]).unwrap());
    assert_eq!(wrong, serde_json::json!([]), "{wrong:#}");
}

#[test]
fn tags_of_classes_survive_a_rewrite() {
    let config = "!Mine\nwith: !Flow\n  a: !Thing 1\n  b: !Other {}\n  c: !odd%20name x\nmetas:\n  py_modules: executor.py\n";
    let files = [("config.yml", config), ("executor.py", SOURCE), ("manifest.yml", "name: N\n")];
    let (_, zip) = inspect_files(&files).unwrap();
    assert_eq!(
        text_in(&zip, "config.yml").unwrap(),
        "!Mine\nwith: !Flow\n  a: !Thing \"1\"\n  b: !Other {}\n  c: !<!odd%20name> x\nmetas:\n  py_modules: executor.py\n  name: N\n"
    );
}
