//! What can people do who never signed in? Push, and with the NAME and SECRET that they were shown, update and pull.

use serde_json::json;

use super::{ANONYMOUS, assert_pulled};
use crate::support::{package::package, real_client::Person, server::Installation};

#[tokio::test]
async fn an_anonymous_author_gets_name_and_secret_once_and_updates_with_them() {
    let installation = Installation::new().await;
    let server = installation.serve().await;
    let author = Person::new(ANONYMOUS, &server.url);
    let first = package("Hello");
    let pushed = author.run(&["push", &author.folder("hello", &first)]).await;
    let secret = pushed.result()["secret"].as_str().unwrap().to_owned();
    assert_eq!(pushed.panel("Name"), Some("Hello"));
    assert_eq!(pushed.panel("Secret"), Some(secret.as_str()), "{}", pushed.text);
    assert_eq!(pushed.panel("Visibility"), Some("public"));
    assert_pulled(author.run(&["pull", "jinahub://Hello"]).await.result(), &first);

    // Somebody at another machine, with nothing but what was printed.
    let elsewhere = Person::new(ANONYMOUS, &server.url);
    let second = first.clone().with("README.md", "# Hello again\n");
    let folder = elsewhere.folder("hello", &second);
    let updated =
        elsewhere.run(&["push", &folder, "--force-update", "Hello", "--secret", &secret, "-t", "v2"]).await;
    assert_eq!(updated.result()["id"], pushed.result()["id"]);
    assert_eq!(updated.result()["commit"]["tags"], json!(["v2"]));
    assert_pulled(elsewhere.run(&["pull", "jinahub://Hello/v2"]).await.result(), &second);

    // The name is taken, for somebody who knows nothing.
    let stranger = Person::new(ANONYMOUS, &server.url);
    let refused = stranger.run(&["push", &stranger.folder("hello", &package("Hello"))]).await;
    assert!(refused.error().contains("The name 'Hello' is taken."), "{}", refused.text);
    assert!(refused.error().contains("--force-update Hello --secret"), "{}", refused.text);
}

#[tokio::test]
async fn a_folder_that_was_pushed_before_updates_its_executor_by_itself() {
    let installation = Installation::new().await;
    let server = installation.serve().await;
    let author = Person::new(ANONYMOUS, &server.url);
    let pushed = author.run(&["push", &author.folder("hello", &package("Hello"))]).await;
    let changed = package("Hello").with("README.md", "# Changed\n");
    let again = author.run(&["push", &author.folder("hello", &changed)]).await;
    assert_eq!(again.result()["id"], pushed.result()["id"]);
    assert_eq!(again.result()["secret"], pushed.result()["secret"]);
    assert_ne!(again.result()["commit"]["id"], pushed.result()["commit"]["id"]);
    assert_pulled(author.run(&["pull", "jinahub://Hello"]).await.result(), &changed);
}

#[tokio::test]
async fn a_wrong_secret_updates_nothing_and_shows_nothing() {
    let installation = Installation::new().await;
    let server = installation.serve().await;
    let author = Person::new(ANONYMOUS, &server.url);
    let first = package("Hidden");
    let folder = author.folder("hidden", &first);
    let pushed = author.run(&["push", &folder, "--private", "--secret", "sanity@Check"]).await;
    assert_eq!(pushed.result()["secret"], "sanity@Check");
    assert_eq!(pushed.panel("Visibility"), Some("private"));

    let stranger = Person::new(ANONYMOUS, &server.url);
    let changed = stranger.folder("hidden", &package("Hidden").with("README.md", "# Mine now\n"));
    for name in ["Hidden", "Nowhere"] {
        let refused = stranger.run(&["push", &changed, "--force-update", name, "--secret", "wrong"]).await;
        assert!(refused.error().contains(&format!("No such executor: {name}.")), "{}", refused.text);
        for uri in [format!("jinahub://{name}"), format!("jinahub://{name}:wrong")] {
            let refused = stranger.run(&["pull", &uri]).await;
            assert!(refused.error().contains(&format!("No such executor: {name}")), "{}", refused.text);
        }
    }
    assert_eq!(server.anonymous().get("/api/v1/executors").await.json()["executors"], json!([]));
    assert_pulled(stranger.run(&["pull", "jinahub://Hidden:sanity@Check"]).await.result(), &first);
    assert_pulled(
        stranger.run(&["pull", "jinahub://Hidden:sanity@Check/latest", "--force-update"]).await.result(),
        &first,
    );
}
