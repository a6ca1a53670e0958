//! Where do recorded flows come from? With `EXECUTOR_HUB_RECORD_WIRE` naming clients, their tests first let the real client
//! speak to such a Hub as the replay gets, and write down what both say; `scripts/record-wire.sh` sets it.

use std::{fs, path::Path, process::Stdio};

use tokio::process::Command;

use super::{RECORDED, hub_of_a_flow, replay::people};
use crate::support::child::setting;

const RECORDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/sdk/record.py");

/// Records all flows of this client anew, if that is asked for.
pub async fn record_if_asked(client: &str) {
    let asked = setting("EXECUTOR_HUB_RECORD_WIRE").unwrap_or_default();
    if !asked.split_whitespace().any(|name| name == client) {
        return;
    }
    let clients = setting("EXECUTOR_HUB_TEST_CLIENTS").expect("recording needs EXECUTOR_HUB_TEST_CLIENTS");
    let folder = Path::new(RECORDED).join(client);
    let _ = fs::remove_dir_all(&folder);
    for flow in recorder(&["flows", client]).await.lines() {
        let hub = hub_of_a_flow().await;
        let known: Vec<String> =
            people(&hub).await.iter().map(|(name, token)| format!("{name}={token}")).collect();
        let file = folder.join(format!("{flow}.http")).display().to_string();
        let mut arguments = vec!["record", client, flow, &hub.url, &clients, &file];
        arguments.extend(known.iter().map(String::as_str));
        recorder(&arguments).await;
    }
}

async fn recorder(arguments: &[&str]) -> String {
    let mut command = Command::new("python3");
    command.arg(RECORDER).args(arguments).stdin(Stdio::null()).stderr(Stdio::piped());
    let output = command.output().await.unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
