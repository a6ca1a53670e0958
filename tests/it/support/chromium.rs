//! How does a test look at pages as a person does? In a real headless Chromium, driven by the `WebDriver` protocol.
//!
//! It is there when `EXECUTOR_HUB_TEST_CHROMIUM` names the browser, as the test script does; without it, and outside of CI, tests
//! that need it do nothing and say so.

use std::{
    io::{Read as _, Write as _},
    path::Path,
    process::Stdio,
    time::Duration,
};

use base64::Engine as _;
use http::Method;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
};

use super::{child::setting, client::Client};

/// The key under which `WebDriver` tells of an element.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";
/// A busy machine may need long for a page.
const PATIENCE: Duration = Duration::from_mins(1);

/// A browser with one window and a profile of its own, both gone when it is dropped.
pub struct Chromium {
    client: Client,
    session: String,
    hub: String,
    port: u16,
    is_open: bool,
    _driver: Child,
    _profile: TempDir,
}

/// What a test needs that only the test script brings; `None` lets the test pass by.
pub fn brought(name: &str) -> Option<String> {
    let found = setting(name);
    if found.is_none() {
        assert!(setting("CI").as_deref() != Some("true"), "CI runs every test, and this one needs {name}");
        eprintln!("left out: this test needs {name}");
    }
    found
}

impl Chromium {
    /// A browser that will look at the Hub at `url`.
    pub async fn start(url: &str) -> Option<Self> {
        let browser = brought("EXECUTOR_HUB_TEST_CHROMIUM")?;
        let mut driver = Command::new(Path::new(&browser).with_file_name("chromedriver"))
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(driver.stdout.take().unwrap()).lines();
        let port = loop {
            let line = lines.next_line().await.unwrap().expect("the driver says its port");
            if let Some((_, port)) = line.split_once("started successfully on port ") {
                break port.trim_end_matches('.').parse::<u16>().unwrap();
            }
        };
        // Reads on, so that the driver never waits for a reader.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        let profile = tempfile::tempdir().unwrap();
        let flags = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--window-size=1200,900",
        ];
        let mut flags: Vec<String> = flags.map(str::to_owned).to_vec();
        flags.push(format!("--user-data-dir={}", profile.path().display()));
        let wanted = json!({"capabilities": {"alwaysMatch": {
            "goog:chromeOptions": {"binary": browser, "args": flags},
            "timeouts": {"script": 60_000, "pageLoad": 60_000},
        }}});
        let client = Client::new(&format!("http://127.0.0.1:{port}"));
        let answer = client.send(Method::POST, "/session", &[], wanted.to_string().into_bytes()).await;
        let session = answer.json()["value"]["sessionId"].as_str().expect("a session").to_owned();
        Some(Self {
            client,
            session,
            hub: url.to_owned(),
            port,
            is_open: true,
            _driver: driver,
            _profile: profile,
        })
    }

    async fn ask(&self, method: Method, path: &str, body: Value) -> Result<Value, String> {
        let body = if method == Method::GET { Vec::new() } else { body.to_string().into_bytes() };
        let path = format!("/session/{}{path}", self.session);
        let answer = self.client.send(method, &path, &[], body).await;
        let mut value = answer.json()["value"].take();
        if answer.status.is_success() { Ok(value) } else { Err(value["message"].take().to_string()) }
    }

    /// Opens a page of the Hub.
    pub async fn open(&self, path: &str) {
        self.ask(Method::POST, "/url", json!({"url": format!("{}{path}", self.hub)})).await.unwrap();
    }

    /// Runs the body of a function in the page and gives what it returns; a promise is waited for.
    pub async fn run(&self, body: &str) -> Value {
        self.ask(Method::POST, "/execute/sync", json!({"script": body, "args": []})).await.unwrap()
    }

    /// Waits until an expression is true in the page.
    pub async fn until(&self, expression: &str) {
        let script = format!(
            "const done = arguments[0]; const look = () => ({expression}) ? done(true) : setTimeout(look, 20); look();"
        );
        let all = async {
            // A page that is left on the way takes the question with it: it is asked again on the next.
            while self
                .ask(Method::POST, "/execute/async", json!({"script": script, "args": []}))
                .await
                .is_err()
            {}
        };
        let came_true = tokio::time::timeout(PATIENCE, all).await.is_ok();
        assert!(came_true, "never true: {expression}\n{}", self.text().await);
    }

    /// What the page says.
    pub async fn text(&self) -> String {
        self.run("return document.body.innerText").await.as_str().unwrap().to_owned()
    }

    async fn element(&self, selector: &str) -> String {
        let wanted = json!({"using": "css selector", "value": selector});
        let found = self.ask(Method::POST, "/element", wanted).await;
        found.unwrap_or_else(|error| panic!("{selector}: {error}"))[ELEMENT].as_str().unwrap().to_owned()
    }

    /// Clicks on the first element that fits.
    pub async fn click(&self, selector: &str) {
        let element = self.element(selector).await;
        self.ask(Method::POST, &format!("/element/{element}/click"), json!({})).await.unwrap();
    }

    /// Types into a field, key by key.
    pub async fn write(&self, selector: &str, text: &str) {
        let element = self.element(selector).await;
        self.ask(Method::POST, &format!("/element/{element}/value"), json!({"text": text})).await.unwrap();
    }

    async fn devtools(&self, command: &str, parameters: Value) {
        let asked = json!({"cmd": command, "params": parameters});
        self.ask(Method::POST, "/goog/cdp/execute", asked).await.unwrap();
    }

    /// From the next page on, scripts of pages do not run.
    pub async fn without_scripts(&self) {
        self.devtools("Emulation.setScriptExecutionDisabled", json!({"value": true})).await;
    }

    /// Dark or light, and how wide.
    pub async fn look(&self, scheme: &str, width: u32) {
        let features = json!([{"name": "prefers-color-scheme", "value": scheme}]);
        self.devtools("Emulation.setEmulatedMedia", json!({"features": features})).await;
        let size = json!({"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": false});
        self.devtools("Emulation.setDeviceMetricsOverride", size).await;
    }

    /// A picture of the window, kept in the folder that a person named, if one did.
    pub async fn picture(&self, name: &str) {
        let Some(folder) = setting("EXECUTOR_HUB_TEST_PICTURES") else { return };
        let picture = self.ask(Method::GET, "/screenshot", Value::Null).await.unwrap();
        let bytes = base64::engine::general_purpose::STANDARD.decode(picture.as_str().unwrap()).unwrap();
        std::fs::write(Path::new(&folder).join(format!("{name}.png")), bytes).unwrap();
    }

    /// Serious barriers that axe-core finds in the page, each with the elements that are one.
    pub async fn barriers(&self, axe: &str) -> Vec<String> {
        let script = format!(
            "const done = arguments[0]; {axe}\n;axe.run(document, {{resultTypes: ['violations']}}).then(found => \
             done(found.violations.filter(one => ['serious', 'critical'].includes(one.impact)).map(one => \
             one.id + ': ' + one.nodes.map(node => node.html + ' ' + node.failureSummary).join(' | '))), error => \
             done([String(error)]));"
        );
        let asked = json!({"script": script, "args": []});
        let found = self.ask(Method::POST, "/execute/async", asked).await.unwrap();
        found.as_array().unwrap().iter().map(|one| one.as_str().unwrap().to_owned()).collect()
    }

    /// Ends the browser, its children included.
    pub async fn close(mut self) {
        let _ = self.ask(Method::DELETE, "", Value::Null).await;
        self.is_open = false;
    }
}

impl Drop for Chromium {
    /// A test that failed ends its browser too: the driver would leave it behind.
    fn drop(&mut self) {
        if !self.is_open {
            return;
        }
        let ending = || {
            let mut stream = std::net::TcpStream::connect(("127.0.0.1", self.port))?;
            stream.set_read_timeout(Some(PATIENCE))?;
            let head = format!("DELETE /session/{} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", self.session);
            stream.write_all(head.as_bytes())?;
            // It answers when the browser has ended.
            stream.read(&mut [0; 1024])
        };
        if let Err(error) = ending() {
            eprintln!("a browser stays: {error}");
        }
    }
}
