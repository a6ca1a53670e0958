//! Does a value of a build variable stay out of the log however it gets there, and does everything else stay in? Values in
//! pieces, over lines, in the spellings that tools print by themselves, beside words that only look like them.

use tokio::sync::mpsc;

use super::{
    console::{Console, LineSplitter},
    mask::{MASK, Masker},
};
use crate::{
    builds::engine::BuildOutput,
    domain::{BuildEnv, limits::BuildLimits},
};

fn env(value: &str) -> BuildEnv {
    BuildEnv::parse(&serde_json::json!({"TOKEN": value}).to_string()).expect("good variables")
}

/// What people see of `printed` when it comes in pieces of these sizes.
async fn shown(value: &str, printed: &str, cut_at: usize) -> String {
    let (output, mut lines) = mpsc::channel(100);
    let mut console = Console::new(output, Masker::new(&env(value)), &BuildLimits::default());
    let mut splitter = LineSplitter::new(console.line_bytes_before_masking());
    let (first, second) = printed.as_bytes().split_at(cut_at);
    let mut whole = splitter.push(first);
    whole.extend(splitter.push(second));
    whole.extend(splitter.finish());
    for line in whole {
        console.line(&line).await;
    }
    let mut shown = Vec::new();
    while let Ok(BuildOutput::Line(line)) = lines.try_recv() {
        shown.push(line);
    }
    shown.join("\n")
}

#[tokio::test]
async fn a_value_is_masked_wherever_the_stream_was_cut() {
    let value = "s3cr?t/tök'en";
    let printed = format!("#5 0.1 before {value} after\n#5 0.2 plain words\n");
    for cut_at in 0..=printed.len() {
        let told = shown(value, &printed, cut_at).await;
        assert_eq!(told, format!("#5 0.1 before {MASK} after\n#5 0.2 plain words"), "cut at {cut_at}");
    }
}

#[tokio::test]
async fn a_key_of_several_lines_is_masked_line_by_line() {
    let key = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0B\nAQEFAASCBKcwggSjAgEAAoIB\n-----END PRIVATE KEY-----\n";
    for end in ["\n", "\r\n"] {
        let lines: Vec<_> = key.lines().map(|line| format!("#5 0.1   {line}{end}")).collect();
        let printed = lines.concat();
        let told = shown(key, &printed, 31).await;
        for line in key.lines() {
            assert!(!told.contains(line), "{told}");
        }
    }
    let quoted = serde_json::to_string(key).unwrap();
    assert!(!shown(key, &quoted, 9).await.contains("MIIEvQIBADANBgkqhkiG9w0B"));
}

#[test]
fn spellings_that_programs_print_by_themselves_are_masked() {
    let value = "pä\"ss'wörd\\ 🔑 x";
    let masker = Masker::new(&env(value));
    let spellings = [
        // print(os.environ), of a dict: repr()
        value.replace('\\', "\\\\"),
        // json.dumps()
        "p\\u00e4\\\"ss'w\\u00f6rd\\\\ \\ud83d\\udd11 x".to_owned(),
        // json.dumps(ensure_ascii=False)
        "pä\\\"ss'wörd\\\\ 🔑 x".to_owned(),
        // repr(value.encode())
        "p\\xc3\\xa4\"ss'w\\xc3\\xb6rd\\\\ \\xf0\\x9f\\x94\\x91 x".to_owned(),
        // a command line of `set -x`
        value.replace('\'', "'\\''"),
        // an address
        "p%C3%A4%22ss%27w%C3%B6rd%5C%20%F0%9F%94%91%20x".to_owned(),
    ];
    for spelling in spellings {
        assert_eq!(masker.mask(&format!("[{spelling}]")), format!("[{MASK}]"));
    }
}

#[test]
fn a_value_that_is_a_pattern_masks_only_itself() {
    let masker = Masker::new(&env(".*[a-z]+$^(x|y)"));
    assert_eq!(masker.mask("everything .*[a-z]+$^(x|y) else"), format!("everything {MASK} else"));
    assert_eq!(masker.mask("abcdefgh xyz"), "abcdefgh xyz");
}

#[test]
fn values_in_one_another_and_in_a_row_leave_nothing() {
    let variables = r#"{"A": "token-12345", "B": "12345", "C": "5token"}"#;
    let masker = Masker::new(&BuildEnv::parse(variables).unwrap());
    for line in ["token-12345", "12345", "5token-12345", "token-12345token-12345", "x12345y"] {
        let told = masker.mask(line).into_owned();
        assert!(!told.contains("1234") && !told.contains("token"), "{line} became {told}");
    }
}

#[test]
fn ordinary_lines_of_a_build_are_left_alone() {
    let masker = Masker::new(&env("hunter2-hunter2-hunter2"));
    let lines = [
        "#12 3.4 Collecting hunter==2.0 (from -r requirements.txt (line 2))",
        "#12 3.9   Downloading hunter2-2.0-py3-none-any.whl (12 kB)",
        "#12 4.0 sha256:68756e74657232 68756e7465723268756e",
        "#12 4.1 aHVudGVyMg== hunter2-hunter",
        "",
        "****",
    ];
    for line in lines {
        assert_eq!(masker.mask(line), line);
    }
}
