//! `executor-hub user` and `executor-hub token`.

use super::run;
use crate::support::database::database;

#[tokio::test]
async fn people_are_created_listed_and_shut_out() {
    let (database, folder) = (database().await, tempfile::tempdir().unwrap());
    let password = folder.path().join("password");
    std::fs::write(&password, "correct horse battery\n").unwrap();
    let password = password.to_str().unwrap();
    let hub = async |arguments: &[&str]| run(&database, folder.path(), arguments).await;

    // Scripts read these two: the login, and nothing else.
    assert_eq!(hub(&["user", "create", "alice", "--admin"]).await, (true, "alice\n".to_owned()));
    let bob = ["user", "create", "bob", "--name", "Bob B.", "--password-file", password];
    assert_eq!(hub(&bob).await, (true, "bob\n".to_owned()));
    let (is_done, printed) = hub(&["user", "create", "carol", "--invite"]).await;
    assert!(is_done && printed.starts_with("carol\nhttp://127.0.0.1:8080/invitations/"), "{printed}");
    assert!(!hub(&["user", "create", "ALICE"]).await.0);
    assert!(!hub(&["user", "create", "dave", "--invite", "--password-file", password]).await.0);

    let (_, token) = hub(&["token", "create", "bob", "--name", "ci", "--days", "7"]).await;
    assert!(token.starts_with("ehub_") && token.lines().count() == 1, "{token}");
    let (_, listed) = hub(&["token", "list", "bob"]).await;
    assert!(listed.starts_with("ci\t") && listed.trim_end().ends_with("\tnever"), "{listed}");
    assert_eq!(hub(&["token", "revoke", "bob", "ci"]).await, (true, String::new()));
    assert_eq!(hub(&["token", "list", "bob"]).await, (true, String::new()));
    assert!(!hub(&["token", "revoke", "bob", "ci"]).await.0);

    assert_eq!(
        hub(&["user", "set-password", "alice", "--password-file", password]).await,
        (true, String::new())
    );
    assert!(!hub(&["user", "set-password", "alice"]).await.0, "it asks where the password comes from");
    assert_eq!(hub(&["user", "disable", "Bob"]).await, (true, String::new()));
    let (_, listed) = hub(&["user", "list"]).await;
    let states: Vec<Vec<&str>> = listed.lines().map(|line| line.split('\t').take(3).collect()).collect();
    let wanted =
        [["alice", "admin", "active"], ["bob", "member", "disabled"], ["carol", "member", "no password"]];
    assert_eq!(states, wanted, "{listed}");
    assert!(!hub(&["token", "create", "bob"]).await.0, "nothing is made for who is shut out");
    assert_eq!(hub(&["user", "enable", "bob"]).await, (true, String::new()));
    assert!(hub(&["token", "create", "bob"]).await.0);
}
