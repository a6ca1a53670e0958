//! The first start: the setup code, told to the operator alone.

use std::{
    io::{BufRead as _, BufReader},
    process::Child,
};

use super::command;
use crate::support::{browser::Browser, database::database};

/// Ends the Hub with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn a_first_start_tells_the_setup_code_once_and_a_later_one_where_it_is() {
    let (database, folder) = (database().await, tempfile::tempdir().unwrap());
    let start = async || {
        let mut command = command(&database, folder.path(), &["serve", "--listen", "127.0.0.1:0"]);
        let mut running = Running(command.spawn().unwrap());
        let stderr = running.0.stderr.take().unwrap();
        let said = tokio::task::spawn_blocking(move || {
            let mut said = Vec::new();
            for line in BufReader::new(stderr).lines() {
                said.push(line.unwrap());
                if said.last().unwrap().contains("setup-code") {
                    return said;
                }
            }
            panic!("the Hub ended: {said:?}");
        })
        .await
        .unwrap();
        (running, said)
    };
    let (running, said) = start().await;
    let code = std::fs::read_to_string(folder.path().join("setup-code")).unwrap().trim().to_owned();
    assert_eq!(said.iter().filter(|line| line.contains(&code)).count(), 1, "{said:?}");
    drop(running);
    let (_running, said) = start().await;
    assert!(!said.iter().any(|line| line.contains(&code)), "{said:?}");

    let ready = said.iter().find_map(|line| line.strip_prefix("Executor Hub is ready at ")).unwrap();
    let mut browser = Browser::new(ready);
    let page = browser.open("/setup").await;
    let password = "correct horse battery";
    let fields = [
        ("code", code.as_str()),
        ("login", "root"),
        ("name", ""),
        ("password", password),
        ("again", password),
    ];
    let page = browser.submit(&page, "/setup", &fields).await;
    assert!(page.text().contains("How to push"), "{}", page.text());
}
