//! What is found in a good package, and what is written into it? Arguments, endpoints, requirements, Dockerfile, readme.

use executor_hub::{
    domain::package::{Dockerfile, ExecutorClass, ParameterKind},
    inspect::{Inspection, PythonParser, Request},
};

use super::{
    BASE_IMAGE, CONFIG, SOURCE, inspect_files, inspect_with, inspect_zip, raw_zip::RawZip, request, text_in,
    zip_of,
};

fn class(source: &str) -> ExecutorClass {
    let (inspection, _) = inspect_files(&[("a.py", source)]).unwrap();
    inspection.package.executor
}

#[test]
fn arguments_and_docstrings_are_read_as_written() {
    let executor = class(
        r#"
from jina import Executor
class Mine(Executor):
    """Does things.

        Indented.
    """
    def __init__(self, a, /, b: Dict[ str,int ] = {'x': [1, 2]}, *args, c: "Optional[ int ]" = None, **kwargs):
        '''Init   doc.'''
"#,
    );
    assert_eq!(executor.docstring.as_deref(), Some("Does things.\n\nIndented."));
    let init = executor.init.unwrap();
    assert_eq!(init.docstring.as_deref(), Some("Init   doc."));
    let seen: Vec<_> = init
        .parameters
        .iter()
        .map(|p| (p.name.as_str(), p.kind, p.annotation.as_deref(), p.default.as_deref()))
        .collect();
    assert_eq!(
        seen,
        [
            ("self", ParameterKind::PositionalOnly, None, None),
            ("a", ParameterKind::PositionalOnly, None, None),
            ("b", ParameterKind::Positional, Some("Dict[str, int]"), Some("{'x': [1, 2]}")),
            ("args", ParameterKind::VarPositional, None, None),
            ("c", ParameterKind::KeywordOnly, Some("\"Optional[ int ]\""), Some("None")),
            ("kwargs", ParameterKind::VarKeyword, None, None),
        ]
    );
}

#[test]
fn every_spelling_of_requests_is_an_endpoint() {
    let executor = class(
        r"
import jina
from jina import Executor, requests, requests as req
class Base(Executor):
    @requests(on='/inherited')
    def inherited(self, **kwargs): ...
    @requests(on='/hidden')
    def many(self): ...
class Mine(Base):
    @requests
    def bare(self, docs, **kwargs): ...
    @requests()
    async def called(self, **kwargs): ...
    @requests(on='/one')
    def one(self): ...
    @requests(on=['/a', '/b'])
    def many(self): ...
    @requests(on=('/c', f'/{x}'))
    async def tuple(self): ...
    @req(on=NAME)
    def name(self): ...
    @jina.requests(on='/attribute')
    def attribute(self): ...
    @other
    @requests(on='/below')
    def below(self): ...
    @property
    def no(self): ...
    def neither(self): ...
",
    );
    let seen: Vec<_> = executor
        .endpoints
        .iter()
        .map(|e| (e.function.name.as_str(), e.function.is_async, e.on.as_ref().map(|on| on.join(" "))))
        .collect();
    let paths = |text: &str| Some(text.to_owned());
    assert_eq!(
        seen,
        [
            ("bare", false, None),
            ("called", true, None),
            ("one", false, paths("/one")),
            ("many", false, paths("/a /b")),
            ("tuple", true, paths("/c {f'/{x}'}")),
            ("name", false, paths("{NAME}")),
            ("attribute", false, paths("/attribute")),
            ("below", false, paths("/below")),
            ("inherited", false, paths("/inherited")),
        ]
    );
}

fn with_file(path: &str, text: &str) -> (Inspection, Vec<u8>) {
    inspect_files(&[("a.py", SOURCE), (path, text)]).unwrap()
}

#[test]
fn requirements_are_shown_without_their_secrets() {
    let (inspection, _) = inspect_with(
        &zip_of(&[
            ("a.py", SOURCE),
            (
                "requirements.txt",
                "# a comment\nnumpy==1.2 # why\nTorch [gpu] >= 1 ; \\\n  python_version > '3'\n-r other.txt\n--index-url https://me:pw@host/simple\n\
                 git+https://user:${TOKEN}@github.com/a/b.git@main#egg=bee\nsee @ https://h/x.whl?sig=abc#sha256=1\n./local\n-e .\n",
            ),
        ]),
        &Request { build_env_names: &["TOKEN".into()], ..request() },
        &PythonParser::InProcess,
    )
    .unwrap();
    let package = inspection.package;
    let shown: Vec<_> = package.requirements.iter().map(|r| (r.name.as_deref(), r.line.as_str())).collect();
    assert_eq!(
        shown,
        [
            (Some("numpy"), "numpy==1.2"),
            (Some("Torch"), "Torch [gpu] >= 1 ;   python_version > '3'"),
            (Some("bee"), "git+https://github.com/a/b.git@main#egg=bee"),
            (Some("see"), "see @ https://h/x.whl#sha256=1"),
            (None, "./local"),
            (None, "."),
        ]
    );
    let torch = &package.requirements[1];
    assert_eq!((torch.specifier.as_deref(), torch.extras.as_slice()), (Some(">=1"), &["gpu".to_owned()][..]));
    assert_eq!(torch.marker.as_deref(), Some("python_version > '3'"));
    assert_eq!(package.requirements[3].url.as_deref(), Some("https://h/x.whl#sha256=1"));
    assert!(package.requirements[5].editable && !package.requirements[4].editable);
    assert_eq!(package.required_variables, ["TOKEN"]);
    let everything = serde_json::to_string(&package).unwrap();
    assert!(!everything.contains("pw@") && !everything.contains("sig=abc"), "{everything}");
}

#[test]
fn included_files_are_read_as_pip_reads_them() {
    let (inspection, zip) = inspect_files(&[
        ("a.py", SOURCE),
        (
            "requirements.txt",
            "-r more.txt\n-c pins.txt\n--requirement=gone.txt\n-r ../out.txt\n-r https://h/x.txt\nnumpy\n",
        ),
        ("more.txt", "scipy\ngit+https://h/r.git#egg=r\n"),
        ("pins.txt", "numpy==1.0\n"),
        ("pyproject.toml", "[project]\nname = 'x'\ndependencies = ['scipy']\n"),
    ])
    .unwrap();
    let names: Vec<_> = inspection.package.requirements.into_iter().filter_map(|r| r.name).collect();
    assert_eq!(names, ["numpy", "scipy", "r"]);
    assert!(text_in(&zip, "Dockerfile").unwrap().contains("-y git "));
    assert_eq!(
        inspection.package.notices,
        [
            "requirements.txt, line 4: '../out.txt' lies outside the package.",
            "requirements.txt, line 3: the package does not hold 'gone.txt'.",
        ]
    );
}

#[test]
fn requirements_of_windows_shells_are_read() {
    let utf16: Vec<u8> =
        "\u{feff}numpy==1.0\r\nscipy\r\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let mut zip = RawZip::default();
    zip.deflated("a.py", SOURCE.as_bytes());
    zip.deflated("requirements.txt", &utf16);
    let (inspection, _) = inspect_zip(&zip.bytes()).unwrap();
    let names: Vec<_> = inspection.package.requirements.into_iter().filter_map(|r| r.name).collect();
    assert_eq!(names, ["numpy", "scipy"]);
}

#[test]
fn dependencies_of_pyproject_are_appended_once() {
    let project = "[project]\nname = 'x'\ndependencies = ['numpy >=1', 'scipy']\n";
    let files = [("a.py", SOURCE), ("requirements.txt", "scipy\nrequests"), ("pyproject.toml", project)];
    let (_, zip) = inspect_files(&files).unwrap();
    let complete = text_in(&zip, "requirements.txt").unwrap();
    assert_eq!(complete, "scipy\nrequests\nnumpy >=1\n");
    let (_, again) = inspect_zip(&zip).unwrap();
    assert_eq!(text_in(&again, "requirements.txt").unwrap(), complete);
}

#[test]
fn dependencies_of_poetry_are_put_into_pips_words() {
    let project = "[tool.poetry.dependencies]\npython = '^3.8'\nnumpy = '^1.20'\nextra = {version='1.0', optional=true}\n\
                   torch = {version='*', extras=['gpu'], markers=\"sys_platform == 'linux'\"}\nown = {git='https://h/r.git', rev='abc'}\nodd = {path='../x'}\n";
    let (inspection, zip) = with_file("pyproject.toml", project);
    let mut lines: Vec<_> = text_in(&zip, "requirements.txt").unwrap().lines().map(str::to_owned).collect();
    lines.sort();
    assert_eq!(
        lines,
        ["numpy>=1.20,<2.0.0", "own @ git+https://h/r.git@abc", "torch[gpu] ; sys_platform == 'linux'"]
    );
    assert!(inspection.package.notices.iter().any(|notice| notice.contains("'odd'")));
}

#[test]
fn an_authors_dockerfile_is_kept() {
    let (inspection, zip) = with_file("Dockerfile", "FROM scratch\n");
    assert_eq!(inspection.package.dockerfile, Dockerfile::Author { path: "Dockerfile".into() });
    assert_eq!(text_in(&zip, "Dockerfile").as_deref(), Some("FROM scratch\n"));
    let (inspection, _) = with_file("dockerfile", "FROM scratch\n");
    assert_eq!(inspection.package.dockerfile, Dockerfile::Author { path: "dockerfile".into() });
}

#[test]
fn the_dockerfile_that_a_push_names_must_be_there() {
    let zip = zip_of(&[("a.py", SOURCE), ("docker/gpu", "FROM scratch\n")]);
    let with = |path| {
        let request = Request { dockerfile: Some(path), ..request() };
        inspect_with(&zip, &request, &PythonParser::InProcess)
            .map(|(inspection, _)| inspection.package.dockerfile)
    };
    assert_eq!(with("./docker/gpu").unwrap(), Dockerfile::Author { path: "docker/gpu".into() });
    for path in ["gone", "../docker/gpu", "/docker/gpu", "docker"] {
        assert_eq!(with(path).unwrap_err().code, "dockerfile_not_found", "{path}");
    }
}

#[test]
fn generated_dockerfiles_hold_what_the_requirements_need_and_nothing_else() {
    let image = BASE_IMAGE;
    let dockerfile = |requirements: Option<&str>| {
        let mut files = vec![("a.py", SOURCE)];
        files.extend(requirements.map(|text| ("requirements.txt", text)));
        let (inspection, zip) = inspect_files(&files).unwrap();
        assert_eq!(inspection.package.dockerfile, Dockerfile::Generated);
        let text = text_in(&zip, "Dockerfile").unwrap();
        text.split_inclusive('\n').filter(|line| !line.starts_with('#')).collect::<String>()
    };
    let pip = "RUN pip install --default-timeout=1000 --compile --no-cache-dir -r requirements.txt\n";
    let end = "ENTRYPOINT [\"jina\", \"executor\", \"--uses\", \"config.yml\"]\n";
    let head = format!("FROM {image}\nWORKDIR /workspace\n");
    assert_eq!(dockerfile(None), format!("{head}COPY . /workspace\n{end}"));
    let alone = format!("{head}COPY requirements.txt /workspace/\n{pip}COPY . /workspace\n{end}");
    assert_eq!(
        dockerfile(Some("numpy>=1 # x\n--extra-index-url https://h/\nthing @ https://h/x.whl\n")),
        alone
    );
    let together = format!("{head}COPY . /workspace\n{pip}{end}");
    for local in [
        "-r more.txt",
        ".",
        "-e .",
        "./lib",
        "lib.whl",
        "x @ file:///workspace/x",
        "lib/x",
        "-c c.txt",
        "-f wheels",
    ] {
        assert_eq!(dockerfile(Some(local)), together, "{local}");
    }
    assert!(dockerfile(Some("git+https://h/r.git\n")).contains("install --no-install-recommends -y git "));
    // An author's words stay out, however they are written.
    assert_eq!(dockerfile(Some("numpy\u{2028}RUN evil\nx\rRUN evil\n")).matches("evil").count(), 0);
}

#[test]
fn an_image_that_is_no_reference_never_reaches_a_dockerfile() {
    for base_image in ["", "a\nRUN evil", "a b", "$X", "a\u{2028}b", "-a"] {
        let request = Request { base_image, ..request() };
        let refusal = inspect_with(&zip_of(&[("a.py", SOURCE)]), &request, &PythonParser::InProcess)
            .map(|_| ())
            .unwrap_err();
        assert_eq!(refusal.code, "base_image_invalid", "{base_image:?}");
    }
}

#[test]
fn a_pulled_package_is_pushed_again_with_a_fresh_dockerfile() {
    let (first, zip) = with_file("requirements.txt", "numpy\n");
    let request = Request { base_image: "jinaai/jina:4-perf", ..request() };
    let (second, zip) = inspect_with(&zip, &request, &PythonParser::InProcess).unwrap();
    assert_eq!(second.package.dockerfile, Dockerfile::Generated);
    assert!(text_in(&zip, "Dockerfile").unwrap().contains("FROM jinaai/jina:4-perf\n"));
    assert_eq!(first.package.executor, second.package.executor);
    let edited =
        text_in(&zip, "Dockerfile").unwrap().replace("WORKDIR /workspace", "WORKDIR /workspace\nRUN make");
    let (third, _) = with_file("Dockerfile", &edited);
    assert_eq!(third.package.dockerfile, Dockerfile::Author { path: "Dockerfile".into() });
}

#[test]
fn readmes_are_cut_at_a_whole_character() {
    let mut request = request();
    request.limits.readme_bytes = 6;
    let zip = zip_of(&[("a.py", SOURCE), ("ReadMe.MD", "ab\u{e9}\u{e9}\u{e9}\u{e9}"), ("README.txt", "no")]);
    let (inspection, _) = inspect_with(&zip, &request, &PythonParser::InProcess).unwrap();
    assert_eq!(inspection.package.readme.as_deref(), Some("ab\u{e9}\u{e9}"));
    request.limits.readme_bytes = 7;
    let (inspection, _) = inspect_with(&zip, &request, &PythonParser::InProcess).unwrap();
    assert_eq!(inspection.package.readme.as_deref(), Some("ab\u{e9}\u{e9}"));
}

#[test]
fn sources_too_large_to_read_are_stored_and_found_by_their_class_line() {
    let large = format!("{SOURCE}# {}\n", "x".repeat(300 << 10));
    let (inspection, zip) = inspect_files(&[("config.yml", CONFIG), ("executor.py", &large)]).unwrap();
    assert!(!inspection.package.executor.parsed);
    assert!(inspection.package.notices.iter().any(|notice| notice.contains("executor.py")));
    assert_eq!(text_in(&zip, "executor.py").as_deref(), Some(large.as_str()));
}
