//! What happens from the first start to a proper end?

use std::{
    fs,
    os::unix::ffi::OsStringExt,
    path::PathBuf,
    time::{Duration, Instant},
};

use executor_hub::postgres::{Launch, PrivatePostgres, Purpose};
use sqlx::{ConnectOptions, Connection};

use super::ground::{Ground, ask, launch, lives, rows, until, write_row};

#[tokio::test]
async fn a_first_start_gives_the_hub_a_durable_database() {
    let ground = Ground::new();
    let postgres = ground.start().await;
    let hub = postgres.hub();
    assert_eq!(ask(&hub, "select current_database()::text").await, "hub");
    for (setting, wanted) in [
        ("select current_setting('fsync')", "on"),
        ("select current_setting('synchronous_commit')", "on"),
        ("select current_setting('full_page_writes')", "on"),
        ("select current_setting('data_checksums')", "on"),
        ("select current_setting('server_encoding')", "UTF8"),
        ("select current_setting('shared_buffers')", "32MB"),
        ("select current_setting('max_connections')", "100"),
    ] {
        assert_eq!(ask(&hub, setting).await, wanted, "{setting}");
    }
    postgres.stop().await;
}

#[tokio::test]
async fn a_throwaway_database_syncs_nothing() {
    let ground = Ground::new();
    let launch = Launch { purpose: Purpose::Throwaway, ..launch(ground.root()) };
    let postgres = PrivatePostgres::start(launch).await.unwrap();
    assert_eq!(ask(&postgres.hub(), "select current_setting('fsync')").await, "off");
    postgres.stop().await;
}

#[tokio::test]
async fn rows_survive_a_restart() {
    let ground = Ground::new();
    for n in 1..4 {
        let postgres = ground.start().await;
        write_row(&postgres.hub(), n).await;
        postgres.stop().await;
    }
    let postgres = ground.start().await;
    assert_eq!(rows(&postgres.hub()).await, [1, 2, 3]);
    postgres.stop().await;
}

#[tokio::test]
async fn what_an_operator_changed_in_the_settings_is_kept() {
    let ground = Ground::new();
    ground.start().await.stop().await;
    let file = ground.cluster().join("postgresql.conf");
    let settings = fs::read_to_string(&file).unwrap();
    fs::write(&file, format!("{settings}\nmax_connections = 77\n")).unwrap();
    let postgres = ground.start().await;
    assert_eq!(ask(&postgres.hub(), "select current_setting('max_connections')").await, "77");
    postgres.stop().await;
}

#[tokio::test]
async fn postgres_is_gone_when_stop_returns() {
    let ground = Ground::new();
    let postgres = ground.start().await;
    let postmaster = ground.postmaster();
    // A pool that was forgotten: a smart shutdown would wait for it.
    let connection = postgres.hub().connect().await.unwrap();
    postgres.stop().await;
    assert!(!lives(postmaster));
    drop(connection);
}

#[tokio::test]
async fn a_dropped_postgres_ends() {
    let ground = Ground::new();
    let postgres = ground.start().await;
    let postmaster = ground.postmaster();
    drop(postgres);
    until("postgres has ended", || !lives(postmaster)).await;
}

#[tokio::test]
async fn a_start_that_nobody_waits_for_leaves_nothing_running() {
    let ground = Ground::new();
    ground.start().await.stop().await;
    for patience in [1, 10, 30] {
        let start = ground.try_start();
        let _ = tokio::time::timeout(Duration::from_millis(patience), start).await;
    }
    // Each start waits for the end of what the one before had begun, or is refused while that holds the folder.
    let begin = Instant::now();
    loop {
        match ground.try_start().await {
            Ok(postgres) => break postgres.stop().await,
            Err(error) => assert!(begin.elapsed() < Duration::from_secs(30), "{error}"),
        }
        tokio::task::yield_now().await;
    }
    assert!(!ground.cluster().join("postmaster.pid").exists());
}

#[tokio::test]
async fn odd_folders_are_no_obstacle() {
    let ground = Ground::new();
    let names = [
        PathBuf::from("with space, comma"),
        PathBuf::from(r#"quote " and 'apostrophe'"#),
        PathBuf::from("ünïcödé 数据"),
        PathBuf::from(std::ffi::OsString::from_vec(b"not\xffutf8".to_vec())),
        PathBuf::from("long".repeat(40)),
    ];
    for name in names {
        let root = ground.path().join(&name);
        let postgres = PrivatePostgres::start(launch(root)).await.unwrap();
        let connection = postgres.hub().connect().await.unwrap();
        connection.close().await.unwrap();
        let socket = postgres.hub().get_socket().unwrap().clone();
        postgres.stop().await;
        if !socket.starts_with(ground.path()) {
            fs::remove_dir(&socket).unwrap();
        }
    }
}

#[tokio::test]
async fn a_moved_folder_still_works() {
    let ground = Ground::new();
    let postgres = ground.start().await;
    write_row(&postgres.hub(), 1).await;
    postgres.stop().await;
    let elsewhere = ground.path().join("elsewhere");
    fs::rename(ground.root(), &elsewhere).unwrap();
    let postgres = PrivatePostgres::start(launch(elsewhere)).await.unwrap();
    assert_eq!(rows(&postgres.hub()).await, [1]);
    postgres.stop().await;
}

#[tokio::test]
async fn the_log_is_kept_beside_the_cluster() {
    let ground = Ground::new();
    let postgres = ground.start().await;
    let mut connection = postgres.hub().connect().await.unwrap();
    assert!(sqlx::query("select 'find this in the log'::int").execute(&mut connection).await.is_err());
    postgres.stop().await;
    let logs = fs::read_dir(ground.root().join("postgres-log")).unwrap();
    let texts: Vec<String> = logs.map(|log| fs::read_to_string(log.unwrap().path()).unwrap()).collect();
    assert!(texts.iter().any(|text| text.contains("find this in the log")), "{texts:?}");
}
