//! Can a replay fail? Recorded answers and requests are altered, and each alteration must be told.

use std::{fs, path::Path};

use super::{RECORDED, hub_of_a_flow, replay::replay};

const FLOW: &str = "jina-2.7.0/publish-anonymous.http";

/// What a replay tells of the flow after one alteration.
async fn told(was: &str, becomes: &str) -> Vec<String> {
    let recorded = fs::read_to_string(Path::new(RECORDED).join(FLOW)).unwrap();
    assert!(recorded.contains(was), "{FLOW} has {was}");
    replay(&hub_of_a_flow().await, &recorded.replacen(was, becomes, 1)).await
}

/// Alters an answer, which must be told with these words and nothing else.
async fn is_told(was: &str, becomes: &str, wanted: &str) {
    let told = told(was, becomes).await;
    assert!(told.len() == 1 && told[0].contains(wanted), "{was} -> {becomes}: {told:#?}");
}

#[tokio::test]
async fn an_altered_status_or_header_is_told() {
    is_told(
        "< HTTP/1.1 200 OK",
        "< HTTP/1.1 202 Accepted",
        "exchange 1, POST /v2/rpc/executor.create HTTP/1.1: status: recorded HTTP/1.1 202 Accepted, now HTTP/1.1 200 OK",
    )
    .await;
    is_told(
        "< accept-ranges: bytes",
        "< accept-ranges: none",
        "header accept-ranges: recorded none, now bytes",
    )
    .await;
    is_told("< accept-ranges: bytes\n", "", "header accept-ranges: recorded none, now bytes").await;
}

#[tokio::test]
async fn an_altered_key_type_or_value_is_told() {
    is_told(
        r#""visibility":"public""#,
        r#""visibility":"private""#,
        r#".visibility: recorded "private", now "public""#,
    )
    .await;
    is_told(r#""code":200"#, r#""code":"200""#, r#".code: recorded "200", now 200"#).await;
    is_told(r#"{"code":200"#, r#"{"more":1,"code":200"#, ".more: recorded 1, now missing").await;
    is_told(r#""code":200,"#, "", ".code: not recorded, now 200").await;
    is_told(r#""createdAt":"{date}""#, r#""createdAt":"{uuid}""#, ".createdAt: recorded").await;
}

#[tokio::test]
async fn a_line_that_is_missing_or_out_of_place_is_told() {
    let line = "< {\"payload\":\"The package is checked and stored.\",\"subject\":\"extractZip\",\"type\":\"done\"}\n";
    assert!(told(line, "").await.iter().any(|told| told.contains("one line more: ")));
    let twice = line.repeat(2);
    assert!(
        told(line, &twice).await.iter().any(|told| told.contains("line 2.subject: recorded \"extractZip\""))
    );
}

#[tokio::test]
async fn an_altered_request_is_told_by_its_answer() {
    // The Hub checks the MD5 of what it is sent, and a download goes on where it is asked to.
    let refused = told("{zip-hello-md5}", "d41d8cd98f00b204e9800998ecf8427e").await;
    assert!(refused[0].starts_with("exchange 1, "), "{refused:#?}");
    let other = told("> Range: bytes=100-", "> Range: bytes=101-").await;
    assert!(other.iter().any(|told| told.contains("body: not what {md5-1} has from 100 on")), "{other:#?}");
    let unknown = told("id=Hello HTTP/1.1", "id={id-7} HTTP/1.1").await;
    assert!(unknown.iter().any(|told| told.contains("nothing has taught {id-7} yet")), "{unknown:#?}");
}

#[tokio::test]
async fn a_learnt_value_that_changes_is_told() {
    let recorded = fs::read_to_string(Path::new(RECORDED).join(FLOW)).unwrap();
    // The second push answers with the id of the first: as if another had been recorded.
    let (first, second) = recorded.split_once("\n= 2\n").unwrap();
    let altered = format!("{first}\n= 2\n{}", second.replacen(r#""id":"{id-1}""#, r#""id":"{secret-1}""#, 1));
    let told = replay(&hub_of_a_flow().await, &altered).await;
    assert!(
        told.len() == 1 && told[0].contains("exchange 2") && told[0].contains(".id: recorded"),
        "{told:#?}"
    );
}
