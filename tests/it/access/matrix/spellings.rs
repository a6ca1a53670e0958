//! Does an odd spelling of a hidden Executor's id find it, or tell that it is there? Each is asked for what is hidden and for
//! what never was, in the same spelling, and the answers must be the same.

use serde_json::json;

use super::cast::{Cast, Who};
use crate::support::{client::Client, package::package};

/// As long as each other, with the same letter where the look-alike goes.
const HIDDEN: &str = "papaya";
const ABSENT: &str = "banana";

type Spelling = fn(&str) -> String;

/// How else a name may be written.
const SPELLINGS: &[(&str, Spelling)] = &[
    ("as it is", |name| name.to_owned()),
    ("upper case", |name| name.to_uppercase()),
    ("percent-encoded", |name| escaped(name, "%")),
    ("double-encoded", |name| escaped(name, "%25")),
    ("one letter encoded", |name| format!("{}%61{}", &name[..1], &name[2..])),
    ("trailing dot", |name| format!("{name}.")),
    ("trailing slash", |name| format!("{name}/")),
    ("encoded slash", |name| format!("{name}%2F")),
    ("leading slash", |name| format!("%2F{name}")),
    ("NUL", |name| format!("{name}%00")),
    ("NUL inside", |name| format!("{}%00{}", &name[..2], &name[2..])),
    ("Cyrillic look-alike", |name| format!("{}%D0%B0{}", &name[..1], &name[2..])),
    ("full width", |name| format!("{}%EF%BD%81{}", &name[..1], &name[2..])),
    ("blanks around", |name| format!("%20{name}%20")),
    ("a dot segment", |name| format!("./{name}")),
    ("up and down", |name| format!("x/../{name}")),
    ("a fragment", |name| format!("{name}%23x")),
    ("not UTF-8", |name| format!("{name}%FF")),
    ("soft hyphen", |name| format!("{}%C2%AD{}", &name[..2], &name[2..])),
];

/// Every letter of a name as its hexadecimal digits, after `mark`.
fn escaped(name: &str, mark: &str) -> String {
    let letters: Vec<String> = name.bytes().map(|byte| format!("{mark}{byte:02x}")).collect();
    letters.concat()
}

/// What an answer says, without the name in whichever spelling it is repeated.
async fn answer(client: &Client, path: &str, spelled: &str, name: &str) -> String {
    let answer = client.get(path).await;
    let decoded = String::from_utf8_lossy(&percent(spelled)).into_owned();
    let mut body = String::from_utf8_lossy(&answer.body).into_owned();
    for text in [decoded.as_str(), spelled, name, &name.to_uppercase()] {
        for text in [text, text.trim(), text.trim_matches('/')] {
            body = body.replace(text, "NAME");
        }
    }
    if let Some(id) = answer.headers.get("x-request-id") {
        body = body.replace(id.to_str().unwrap(), "ID");
    }
    format!("{} {body}", answer.status)
}

fn percent(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let hex = tail.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        let byte = hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()).filter(|_| *first == b'%');
        bytes.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &tail[2..] } else { tail };
    }
    bytes
}

#[tokio::test]
async fn no_spelling_finds_what_is_hidden_or_tells_that_it_is_there() {
    let cast = Cast::assemble().await;
    let owner = cast.client(Who::Owner);
    owner.push("executor.push", &[("private", "True")], &package(HIDDEN)).await;
    let mine = owner.get(&format!("/v1/executors/alice%2F{HIDDEN}")).await;
    assert_eq!(mine.status, 200);
    let listed = owner.rpc("executor.getMeta", json!({"id": HIDDEN})).await.json();
    let id = listed["data"]["id"].as_str().unwrap().to_owned();
    let mut wrong = Vec::new();
    for who in [Who::Anonymous, Who::Stranger, Who::ExMember] {
        let client = cast.client(who);
        for (how, spell) in SPELLINGS {
            for before in [
                "/v1/executors/",
                "/v1/executors/alice%2F",
                "/v2/rpc/executor.getPackage?id=",
                "/v2/executor/getMeta?id=alice/",
                "/v2/rpc/executor.getMeta?id=",
                "/api/v1/executors/",
                "/api/v1/executors/alice%2F",
            ] {
                let (hidden, absent) = (spell(HIDDEN), spell(ABSENT));
                let one = answer(client, &format!("{before}{hidden}"), &hidden, HIDDEN).await;
                let other = answer(client, &format!("{before}{absent}"), &absent, ABSENT).await;
                if one != other || one.starts_with('2') {
                    wrong.push(format!("{who:?} {how} {before}: {one} / {other}"));
                }
            }
        }
        // The id itself, and the owner's name before it.
        for (one, other) in
            [(id.clone(), "zzzzzzzz".to_owned()), (format!("alice/{id}"), "alice/zzzzzzzz".to_owned())]
        {
            let found = client.rpc("executor.getPackage", json!({"id": one})).await;
            let none = client.rpc("executor.getPackage", json!({"id": other})).await;
            assert_eq!((found.status.as_u16(), none.status.as_u16()), (404, 404), "{who:?}");
            let strip = |answer: crate::support::client::Answer, name: &str| {
                let request = answer.headers["x-request-id"].to_str().unwrap().to_owned();
                String::from_utf8_lossy(&answer.body).replace(name, "NAME").replace(&request, "ID")
            };
            assert_eq!(strip(found, &one), strip(none, &other), "{who:?}");
        }
    }
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
}
