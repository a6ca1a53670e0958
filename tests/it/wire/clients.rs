//! Every client version whose exchanges are recorded, one test each.

use std::{fs, path::Path};

use super::{RECORDED, hub_of_a_flow, recording::record_if_asked, replay::replay};

/// Replays every flow of a client; tells all differences at once.
async fn is_answered_as_recorded(client: &str) {
    record_if_asked(client).await;
    let mut flows: Vec<_> = fs::read_dir(Path::new(RECORDED).join(client)).unwrap().flatten().collect();
    flows.sort_by_key(fs::DirEntry::file_name);
    assert!(!flows.is_empty(), "{client} has flows");
    let mut found = Vec::new();
    for flow in flows {
        let hub = hub_of_a_flow().await;
        let name = flow.file_name().display().to_string();
        let told = replay(&hub, &fs::read_to_string(flow.path()).unwrap()).await;
        found.extend(told.into_iter().map(|difference| format!("{client}, {name}, {difference}")));
    }
    assert!(
        found.is_empty(),
        "the Hub answers otherwise than it did (scripts/record-wire.sh records anew):\n{}",
        found.join("\n")
    );
}

#[test]
fn every_recorded_client_is_replayed() {
    let replayed = include_str!("clients.rs");
    for folder in fs::read_dir(RECORDED).unwrap().flatten() {
        let name = folder.file_name().display().to_string();
        let call = format!("is_answered_as_recorded(\"{name}\")");
        assert!(name == "packages" || replayed.contains(&call), "{name}");
    }
}

#[tokio::test]
async fn jina_2_6_4_is_answered_as_recorded() {
    is_answered_as_recorded("jina-2.6.4").await;
}

#[tokio::test]
async fn jina_2_7_0_is_answered_as_recorded() {
    is_answered_as_recorded("jina-2.7.0").await;
}

#[tokio::test]
async fn jina_3_0_0_is_answered_as_recorded() {
    is_answered_as_recorded("jina-3.0.0").await;
}

#[tokio::test]
async fn jina_3_1_0_is_answered_as_recorded() {
    is_answered_as_recorded("jina-3.1.0").await;
}

#[tokio::test]
async fn jina_3_3_25_is_answered_as_recorded() {
    is_answered_as_recorded("jina-3.3.25").await;
}

#[tokio::test]
async fn jina_3_6_0_is_answered_as_recorded() {
    is_answered_as_recorded("jina-3.6.0").await;
}

#[tokio::test]
async fn jina_3_7_14_is_answered_as_recorded() {
    is_answered_as_recorded("jina-3.7.14").await;
}

#[tokio::test]
async fn jina_3_9_2_is_answered_as_recorded() {
    is_answered_as_recorded("jina-3.9.2").await;
}

#[tokio::test]
async fn jina_3_34_0_is_answered_as_recorded() {
    is_answered_as_recorded("jina-3.34.0").await;
}

#[tokio::test]
async fn sdk_0_19_3_is_answered_as_recorded() {
    is_answered_as_recorded("sdk-0.19.3").await;
}

#[tokio::test]
async fn sdk_0_22_5_is_answered_as_recorded() {
    is_answered_as_recorded("sdk-0.22.5").await;
}

#[tokio::test]
async fn sdk_0_26_11_is_answered_as_recorded() {
    is_answered_as_recorded("sdk-0.26.11").await;
}

#[tokio::test]
async fn sdk_0_26_12_is_answered_as_recorded() {
    is_answered_as_recorded("sdk-0.26.12").await;
}

#[tokio::test]
async fn sdk_0_39_0_is_answered_as_recorded() {
    is_answered_as_recorded("sdk-0.39.0").await;
}
