//! What if a client is cut off, at every 64 KiB of an upload or a download? Nothing is half published, what it sent is gone, and
//! the same push or the client's own resuming gets all of it.

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use serde_json::json;

use crate::support::{
    hub::{TestHub, Wanted},
    package::{md5, noise, package},
};

const STEP: usize = 64 << 10;

fn noisy() -> crate::support::package::Package {
    package("Hello").with_bytes("noise.bin", noise(1, 720_000))
}

async fn hub() -> TestHub {
    TestHub::start_with(Wanted { set: vec!["builds.mode=off"], ..Wanted::default() }).await
}

#[tokio::test]
async fn an_upload_cut_off_anywhere_publishes_nothing_and_the_same_push_succeeds() {
    let hub = hub().await;
    let alice = hub.person("alice").await;
    let zip = noisy().zip();
    let mut body = format!(
        "--x\r\ncontent-disposition: form-data; name=\"md5sum\"\r\n\r\n{}\r\n\
         --x\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a.zip\"\r\n\r\n",
        md5(&zip)
    )
    .into_bytes();
    body.extend_from_slice(&zip);
    body.extend_from_slice(b"\r\n--x--\r\n");
    let head = format!(
        "POST /v2/rpc/executor.push HTTP/1.1\r\nhost: hub\r\nauthorization: token {}\r\n\
         content-type: multipart/form-data; boundary=x\r\ncontent-length: {}\r\n\r\n",
        alice.token().unwrap(),
        body.len()
    );
    let address = hub.url.trim_start_matches("http://").to_owned();
    let mut cuts = 0;
    for cut in (0..body.len()).step_by(STEP).chain([body.len() - 1]) {
        let mut connection = TcpStream::connect(&address).await.unwrap();
        connection.write_all(head.as_bytes()).await.unwrap();
        connection.write_all(&body[..cut]).await.unwrap();
        drop(connection);
        cuts += 1;
    }
    assert!(cuts > 10);
    let gone = async {
        while !hub.stored_files().is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(30), gone).await.expect("temporary bytes go");
    assert_eq!((hub.count("executors").await, hub.count("commits").await), (0, 0));
    assert_eq!(alice.push("executor.push", &[], &noisy()).await.last_line()["type"], "complete");
    assert!(super::pulled(&alice, "Hello").await.is_ok());
}

#[tokio::test]
async fn a_download_cut_off_anywhere_is_resumed_to_the_same_bytes() {
    let hub = hub().await;
    let alice = hub.person("alice").await;
    alice.push("executor.push", &[], &noisy()).await;
    let whole = super::pulled(&alice, "Hello").await.unwrap();
    let answer = alice.rpc("executor.getPackage", json!({"id": "Hello"})).await.json();
    let address = answer["data"]["package"]["download"].as_str().unwrap().to_owned();
    let path = address.strip_prefix(&hub.url).unwrap();
    for cut in (1..whole.len()).step_by(STEP) {
        let mut connection = TcpStream::connect(hub.url.trim_start_matches("http://")).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nhost: hub\r\n\r\n");
        connection.write_all(request.as_bytes()).await.unwrap();
        let mut got = Vec::new();
        let mut piece = vec![0; 16 << 10];
        let mut body = None;
        while body.is_none_or(|begin: usize| got.len() - begin < cut) {
            let length = connection.read(&mut piece).await.unwrap();
            assert!(length > 0);
            got.extend_from_slice(&piece[..length]);
            body = body.or_else(|| got.windows(4).position(|window| window == b"\r\n\r\n").map(|at| at + 4));
        }
        drop(connection);
        // As the clients do: they ask for the rest and append whatever comes.
        let mut have = got[body.unwrap()..].to_vec();
        have.truncate(cut);
        let range = format!("bytes={cut}-");
        let rest = alice.send(http::Method::GET, path, &[("range", &range)], Vec::new()).await;
        assert_eq!(rest.status, 206);
        have.extend_from_slice(&rest.body);
        assert_eq!(have, whole, "cut after {cut}");
    }
}
