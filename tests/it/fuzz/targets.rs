//! What must hold whatever comes in? A function for each kind of input that people send: it takes any bytes, and panics
//! when a promise is broken. The fuzzers call the same functions (`fuzz/`).

use std::{
    convert::Infallible,
    fs::File,
    io::{Cursor, Read as _, Seek as _, Write as _},
    sync::OnceLock,
};

use axum::{
    body::{Body, to_bytes},
    response::Response,
};
use executor_hub::{
    app::App,
    config::{Environment, Overrides, Settings},
    domain::{
        BuildEnv, ExecutorId, ExecutorName, ExecutorRef, Login, SystemClock, Tag, limits::PackageLimits,
    },
    inspect::{InspectError, Inspection, PythonParser, Request, inspect, misleads},
    store::Store,
};
use http::{HeaderValue, Method, StatusCode, Uri, header};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use tempfile::TempDir;
use tower::{ServiceExt as _, util::BoxCloneSyncService};

/// Takes any bytes; panics when a promise is broken.
pub type Target = fn(&[u8]);

/// Every target by its name.
pub const TARGETS: [(&str, Target); 7] = [
    ("zip", zip),
    ("yaml", yaml),
    ("python", python),
    ("requirements", requirements),
    ("dockerfile", dockerfile),
    ("form", form),
    ("uri", uri),
];

const CONFIG: &str = "jtype: Mine\npy_modules: executor.py\n";
const SOURCE: &str = "from jina import Executor\n\n\nclass Mine(Executor):\n    pass\n";

/// An upload of any bytes.
pub fn zip(data: &[u8]) {
    inspected(data);
}

/// A configuration; a line `---` parts `config.yml` from `manifest.yml`.
pub fn yaml(data: &[u8]) {
    let (config, manifest) = parted(data);
    inspected(&packed(&[
        ("config.yml", config),
        ("manifest.yml", manifest),
        ("executor.py", SOURCE.as_bytes()),
    ]));
}

/// A source that is searched; a line `---` parts it from another one, which it may import.
pub fn python(data: &[u8]) {
    let (first, second) = parted(data);
    inspected(&packed(&[("executor.py", first), ("base.py", second)]));
    inspected(&packed(&[("config.yml", CONFIG.as_bytes()), ("executor.py", first), ("base.py", second)]));
}

/// Requirements; a line `---` parts them from a `pyproject.toml`.
pub fn requirements(data: &[u8]) {
    let (requirements, project) = parted(data);
    inspected(&packed(&[
        ("config.yml", CONFIG.as_bytes()),
        ("executor.py", SOURCE.as_bytes()),
        ("requirements.txt", requirements),
        ("pyproject.toml", project),
    ]));
}

/// A Dockerfile, as inspection and as the builder read it.
pub fn dockerfile(data: &[u8]) {
    inspected(&packed(&[
        ("config.yml", CONFIG.as_bytes()),
        ("executor.py", SOURCE.as_bytes()),
        ("Dockerfile", data),
    ]));
    let text = String::from_utf8_lossy(data);
    if text.contains("hunter2") {
        return;
    }
    let variables = BuildEnv::parse(r#"{"TOKEN": "hunter2"}"#).unwrap();
    if let Ok(rewritten) = executor_hub::builds::docker::rewritten(&text, &variables) {
        assert!(!rewritten.contains(['\r', '\0']) && !rewritten.contains("hunter2"), "{rewritten:?}");
        assert_eq!(executor_hub::builds::docker::rewritten(&text, &variables).unwrap(), rewritten);
    }
}

/// A request with a body: a line with the method's name, one with the content type, then the body.
pub fn form(data: &[u8]) {
    let mut parts = data.splitn(3, |byte| *byte == b'\n');
    let [name, content_type, body] = [(); 3].map(|()| parts.next().unwrap_or_default());
    let name = String::from_utf8_lossy(name);
    let path = match name.trim() {
        "v1" => "/v1/executors".to_owned(),
        name => format!("/v2/rpc/{name}"),
    };
    let Ok(uri) = path.parse() else { return };
    ask(Method::POST, uri, &[(header::CONTENT_TYPE, content_type)], body);
}

/// An address, a reference, a name, a tag, a variable: everything short that people write.
pub fn uri(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    if let Ok(reference) = text.parse::<ExecutorRef>() {
        assert_eq!(reference.to_string().parse::<ExecutorRef>(), Ok(reference.clone()));
        assert!(reference.id().is_none_or(|id| text.contains(&id.to_string())));
    }
    if let Ok(name) = text.parse::<ExecutorName>() {
        assert_eq!(name.key().parse::<ExecutorName>().map(|name| name.key()), Ok(name.key()));
    }
    if let Ok(login) = text.parse::<Login>() {
        assert!(login.key().parse::<Login>().is_ok());
    }
    if let Ok(id) = text.parse::<ExecutorId>() {
        assert_eq!(id.to_string(), text);
    }
    if let Ok(tags) = Tag::parse_list(&text) {
        let joined = tags.iter().map(Tag::as_str).collect::<Vec<_>>().join(",");
        assert_eq!(Tag::parse_list(&joined).unwrap(), tags);
    }
    if let Ok(env) = BuildEnv::parse(&text) {
        assert_eq!(BuildEnv::parse(&env.to_plaintext()).unwrap().names().count(), env.names().count());
    }
    let mut lines = data.split(|byte| *byte == b'\n');
    let path = String::from_utf8_lossy(lines.next().unwrap_or_default()).into_owned();
    let range = lines.next().unwrap_or_default();
    for prefix in ["", "/", "/v1/executors/", "/v2/rpc/executor.getPackage?id=", "/packages/"] {
        if let Ok(uri) = format!("{prefix}{path}").parse::<Uri>()
            && uri.path().starts_with('/')
        {
            ask(Method::GET, uri, &[(header::RANGE, range)], b"");
        }
    }
}

/// Asks a Hub whose database is away; no answer may be a fault of its own.
fn ask(method: Method, uri: Uri, headers: &[(header::HeaderName, &[u8])], body: &[u8]) {
    type Surface = BoxCloneSyncService<http::Request<Body>, Response, Infallible>;
    static HUB: OnceLock<(tokio::runtime::Runtime, Surface, TempDir)> = OnceLock::new();
    let (runtime, surface, _) = HUB.get_or_init(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let overrides =
            Overrides { file: None, set: vec![format!("server.data_dir={}", folder.path().display())] };
        let settings = Settings::load(&Environment::of([]), &overrides).unwrap();
        let nowhere = PgConnectOptions::new_without_pgpass().socket(folder.path().join("nowhere"));
        let entered = runtime.enter();
        let pool = PgPoolOptions::new()
            .acquire_timeout(std::time::Duration::from_millis(1))
            .connect_lazy_with(nowhere);
        let store = Store::from_pool(pool);
        let app =
            App::new(settings, store, std::sync::Arc::new(SystemClock), PythonParser::InProcess).unwrap();
        let surface = Surface::new(executor_hub::http::router(&app));
        drop(entered);
        (runtime, surface, folder)
    });
    let mut request = http::Request::builder().method(method).uri(uri);
    for (name, value) in headers {
        let Ok(value) = HeaderValue::from_bytes(value) else { return };
        request = request.header(name, value);
    }
    let Ok(request) = request.body(Body::from(body.to_vec())) else { return };
    runtime.block_on(async {
        let Ok(answer) = surface.clone().oneshot(request).await;
        let status = answer.status();
        let text = to_bytes(answer.into_body(), 16 << 20).await.unwrap();
        assert_ne!(status, StatusCode::INTERNAL_SERVER_ERROR, "{}", String::from_utf8_lossy(&text));
    });
}

/// The bytes before and after a line `---`.
fn parted(data: &[u8]) -> (&[u8], &[u8]) {
    let mark = b"\n---\n";
    match data.windows(mark.len()).position(|window| window == mark) {
        Some(at) => (&data[..=at], &data[at + mark.len()..]),
        None => (data, b""),
    }
}

fn packed(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let stored = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    for (path, bytes) in files.iter().filter(|(_, bytes)| !bytes.is_empty()) {
        zip.start_file(*path, stored).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// Inspects, and checks what a refusal or a description promises.
fn inspected(upload: &[u8]) {
    let Some((first, canonical)) = inspect_once(upload) else { return };
    let mut listed: Vec<(String, u64)> = Vec::new();
    let mut reader = zip::ZipArchive::new(Cursor::new(&canonical)).expect("a zip that others read");
    for at in 0..reader.len() {
        let mut file = reader.by_index(at).expect("an entry that others read");
        let size = std::io::copy(&mut file, &mut std::io::sink()).expect("content that others unpack");
        let name = file.name().expect("a name that others read").into_owned();
        listed.push((name, size));
    }
    let described: Vec<(String, u64)> =
        first.package.files.iter().map(|f| (f.path.clone(), f.size)).collect();
    assert_eq!(listed, described);
    // What was pulled and is pushed again is the same package.
    let (second, _) = inspect_once(&canonical).expect("the Hub takes what it wrote");
    assert_eq!(first.zip.content, second.zip.content);
    assert_eq!(first.package.executor, second.package.executor);
    assert_eq!(first.package.requirements, second.package.requirements);
    assert_eq!(first.package.name, second.package.name);
    assert_eq!(first.package.keywords, second.package.keywords);
}

fn inspect_once(upload: &[u8]) -> Option<(Inspection, Vec<u8>)> {
    let names = ["TOKEN".to_owned(), "A".to_owned()];
    let request = Request {
        dockerfile: None,
        build_env_names: &names,
        base_image: "jinaai/jina:3.27.0-py311-perf",
        limits: PackageLimits { upload_bytes: 1 << 20, unpacked_bytes: 4 << 20, ..PackageLimits::default() },
    };
    let mut file: File = tempfile::tempfile().unwrap();
    file.write_all(upload).unwrap();
    let mut canonical = tempfile::tempfile().unwrap();
    match inspect(&file, &canonical, &request, &PythonParser::InProcess) {
        Ok(inspection) => {
            let mut written = Vec::new();
            canonical.rewind().unwrap();
            canonical.read_to_end(&mut written).unwrap();
            Some((inspection, written))
        }
        Err(InspectError::Refused(refusal)) => {
            assert!(refusal.message.ends_with('.') && refusal.remedy.ends_with('.'), "{refusal:?}");
            assert!(!refusal.to_string().contains(misleads), "{refusal:?}");
            None
        }
        Err(InspectError::Io(error)) => panic!("no input may cause an I/O error: {error}"),
    }
}
