//! What holds for every page.

use crate::support::{
    browser::Browser,
    hub::{TestHub, Wanted},
};

#[tokio::test]
async fn pages_run_nothing_load_nothing_foreign_and_are_not_kept() {
    let set = vec!["auth.registration=open"];
    let hub = TestHub::start_with(Wanted { set, ..Wanted::default() }).await;
    let mut browser = Browser::new(&hub.url);
    let setup = browser.open("/setup").await;
    hub.person("somebody").await;
    let mut pages = vec![setup];
    for path in ["/sign-in", "/sign-up", "/invitations/unknown", "/sign-in?device=unknown"] {
        pages.push(browser.open(path).await);
    }
    for page in pages {
        let headers = &page.answer.headers;
        let policy = headers["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'; style-src 'self';"), "{}: {policy}", page.path);
        assert!(policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe"), "{policy}");
        assert_eq!(headers["cache-control"], "no-store", "{}", page.path);
        assert_eq!(headers["x-content-type-options"], "nosniff");
        assert_eq!(headers["referrer-policy"], "no-referrer");
        assert!(!page.text().contains("<script") && !page.text().contains(" style="), "{}", page.text());
        assert_eq!(page.text().matches("http").count(), 0, "no address of anybody else: {}", page.text());
    }
}

#[tokio::test]
async fn the_stylesheet_may_be_kept_for_ever() {
    let hub = TestHub::start().await;
    let mut browser = Browser::new(&hub.url);
    let page = browser.open("/setup").await;
    let path = page.text().split("href=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let sheet = browser.open(&path).await;
    assert_eq!(
        (sheet.status(), &sheet.answer.headers["content-type"].to_str().unwrap()[..8]),
        (200, "text/css")
    );
    assert!(sheet.answer.headers["cache-control"].to_str().unwrap().contains("immutable"));
    assert_eq!(browser.open("/assets/hub-0000000000000000.css").await.status(), 404);
}

#[tokio::test]
async fn cookies_are_out_of_reach_of_scripts_and_other_sites() {
    let hub = TestHub::start().await;
    let page = hub.anonymous().get("/setup").await;
    let cookie = page.headers["set-cookie"].to_str().unwrap();
    assert!(
        cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax") && !cookie.contains("Domain"),
        "{cookie}"
    );
}

#[tokio::test]
async fn an_error_is_a_page_that_names_its_request() {
    let hub = TestHub::start().await;
    hub.person("somebody").await;
    let page = Browser::new(&hub.url).open("/invitations/unknown").await;
    let id = page.answer.headers["x-request-id"].to_str().unwrap();
    assert_eq!(page.status(), 404);
    assert!(page.text().contains(id) && page.text().contains("Ask an admin"), "{}", page.text());
}
