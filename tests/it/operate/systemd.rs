//! Does the Hub get along with systemd?

use crate::support::server::Installation;

#[tokio::test]
async fn the_hub_serves_on_the_socket_that_it_is_handed() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = Installation::without_engine().await.serve_on(listener).await;
    assert_eq!(server.url, format!("http://{address}"), "it tells the address of that socket");
    assert_eq!(server.anonymous().get("/livez").await.status, 200);
}
