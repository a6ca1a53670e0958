//! Which packages are good, and what is found in them? A table of folders as authors write them.

use executor_hub::{
    domain::package::{Dockerfile, ExecutorClass, ParameterKind},
    inspect::{Inspection, PythonParser, RefusalClass, Request},
};

use super::{CONFIG, SOURCE, inspect_files, inspect_with, request, text_in, zip_of};

type Files = &'static [(&'static str, &'static str)];

const EMPTY: &str = "";
const OTHER: &str = "from jina import Executor\nclass Other(Executor):\n    pass\n";

/// Bad packages: what is wrong, the old number, the code, words that the text must hold, and the files.
const BAD: &[(&str, u16, &str, &[&str], Files)] = &[
    ("nothing in it", 4000, "executor_not_found", &["Executor"], &[("readme.md", "hi")]),
    ("no class", 4000, "executor_not_found", &[], &[("executor.py", "x = 1\n")]),
    (
        "no py_modules",
        4000,
        "executor_not_found",
        &["'Mine'", "py_modules"],
        &[("config.yml", "jtype: Mine\n"), ("executor.py", SOURCE)],
    ),
    (
        "jtype misspelt",
        4000,
        "executor_not_found",
        &["'Mime'"],
        &[("config.yml", "jtype: Mime\npy_modules: executor.py\n"), ("executor.py", SOURCE)],
    ),
    ("class too deep to be searched", 4000, "executor_not_found", &[], &[("src/executor.py", SOURCE)]),
    (
        "Executor of another library",
        4000,
        "executor_not_found",
        &[],
        &[("a.py", "from concurrent.futures import Executor\nclass Mine(Executor):\n    pass\n")],
    ),
    (
        "Executor of another library by attribute",
        4000,
        "executor_not_found",
        &[],
        &[(
            "a.py",
            "import concurrent.futures\nfrom concurrent import futures\nclass Mine(futures.Executor):\n    pass\n",
        )],
    ),
    (
        "two classes",
        4001,
        "executors_several",
        &["Mine (a.py, line 4)", "Other (b.py, line 2)"],
        &[("a.py", SOURCE), ("b.py", OTHER)],
    ),
    (
        "two classes in one file",
        4001,
        "executors_several",
        &[],
        &[(
            "a.py",
            "from jina import Executor\nclass A(Executor):\n    pass\nclass B(Executor):\n    pass\n",
        )],
    ),
    (
        "jtype in two files",
        4001,
        "executors_several",
        &["a.py", "b.py"],
        &[("config.yml", "jtype: Mine\npy_modules: [a.py, b.py]\n"), ("a.py", SOURCE), ("b.py", SOURCE)],
    ),
    (
        "init without self",
        4002,
        "init_without_self",
        &["a.py, line 2"],
        &[("a.py", "from jina import Executor\nclass Mine(Executor):\n    def __init__():\n        pass\n")],
    ),
    (
        "init with defaults only",
        4002,
        "init_without_self",
        &[],
        &[(
            "a.py",
            "from jina import Executor\nclass Mine(Executor):\n    def __init__(self=None):\n        pass\n",
        )],
    ),
    (
        "cycle",
        4003,
        "import_cycle",
        &["a.py → b.py → a.py"],
        &[
            ("a.py", "import b\nfrom jina import Executor\nclass Mine(Executor):\n    pass\n"),
            ("b.py", "import a\n"),
        ],
    ),
    (
        "import of what is not there",
        4003,
        "import_missing",
        &["a.py, line 1", "'.gone'"],
        &[("a.py", "from .gone import x\nfrom jina import Executor\nclass Mine(Executor):\n    pass\n")],
    ),
    (
        "import from above",
        4003,
        "import_missing",
        &[],
        &[("a.py", "from ..above import x\nfrom jina import Executor\nclass Mine(Executor):\n    pass\n")],
    ),
    (
        "syntax error",
        5000,
        "python_syntax",
        &["executor.py, line 2, column"],
        &[("config.yml", CONFIG), ("executor.py", "x = 1\nclass Mine(:\n")],
    ),
    (
        "syntax error beside the class",
        5000,
        "python_syntax",
        &["b.py, line 1"],
        &[("a.py", SOURCE), ("b.py", "print 'old'\n")],
    ),
    (
        "jtype missing",
        5000,
        "config_jtype_missing",
        &["config.yml", "'jtype'"],
        &[("config.yml", "py_modules: executor.py\n"), ("executor.py", SOURCE)],
    ),
    (
        "jtype null",
        5000,
        "config_jtype_missing",
        &[],
        &[("config.yml", "jtype:\npy_modules: executor.py\n"), ("executor.py", SOURCE)],
    ),
    ("empty config", 5000, "config_jtype_missing", &[], &[("config.yml", EMPTY), ("executor.py", SOURCE)]),
    (
        "jtype a boolean",
        5000,
        "config_value_type",
        &["line 1, column 8"],
        &[("config.yml", "jtype: on\npy_modules: executor.py\n"), ("executor.py", SOURCE)],
    ),
    (
        "py_modules twice",
        5000,
        "config_py_modules_twice",
        &["'metas'"],
        &[
            ("config.yml", "jtype: Mine\npy_modules: executor.py\nmetas:\n  py_modules: executor.py\n"),
            ("executor.py", SOURCE),
        ],
    ),
    (
        "module not there",
        5000,
        "py_module_missing",
        &["'gone.py'"],
        &[("config.yml", "jtype: Mine\npy_modules: [gone.py]\n"), ("executor.py", SOURCE)],
    ),
    (
        "module outside",
        5000,
        "py_module_missing",
        &[],
        &[("config.yml", "jtype: Mine\npy_modules: [../executor.py]\n"), ("executor.py", SOURCE)],
    ),
    (
        "config a list",
        5000,
        "config_value_type",
        &["config.yml, line 1"],
        &[("config.yml", "- a\n"), ("executor.py", SOURCE)],
    ),
    (
        "metas a text",
        5000,
        "config_value_type",
        &["metas"],
        &[
            ("config.yml", "jtype: Mine\npy_modules: executor.py\nmetas: yes please\n"),
            ("executor.py", SOURCE),
        ],
    ),
    (
        "name a list",
        5000,
        "config_value_type",
        &["name must be a text"],
        &[
            ("config.yml", "jtype: Mine\npy_modules: executor.py\nmetas:\n  name: [a]\n"),
            ("executor.py", SOURCE),
        ],
    ),
    (
        "config torn",
        5000,
        "config_syntax",
        &["config.yml, line 3, column 1"],
        &[("config.yml", "jtype: Mine\npy_modules: [executor.py\n"), ("executor.py", SOURCE)],
    ),
    (
        "two documents",
        5000,
        "config_syntax",
        &["second document"],
        &[("config.yml", "jtype: Mine\n---\njtype: Mine\n"), ("executor.py", SOURCE)],
    ),
    (
        "key a list",
        5000,
        "config_syntax",
        &["as a key"],
        &[("config.yml", "jtype: Mine\n? [a]\n: b\n"), ("executor.py", SOURCE)],
    ),
    (
        "value within itself",
        5000,
        "config_syntax",
        &["alias"],
        &[("config.yml", "jtype: Mine\nx: &a [*a]\n"), ("executor.py", SOURCE)],
    ),
    (
        "deep config",
        5000,
        "config_syntax",
        &["deeply"],
        &[
            ("config.yml", "x: [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1"),
            ("executor.py", SOURCE),
        ],
    ),
    (
        "billion laughs",
        5000,
        "config_syntax",
        &["too many"],
        &[
            (
                "config.yml",
                "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: [*e,*e,*e,*e,*e,*e,*e,*e,*e]\n",
            ),
            ("executor.py", SOURCE),
        ],
    ),
    (
        "manifest torn",
        5000,
        "config_syntax",
        &["manifest.yml"],
        &[("manifest.yml", "a: b: c\n"), ("a.py", SOURCE)],
    ),
    (
        "variable not given",
        5000,
        "build_env_missing",
        &["requirements.txt, line 3", "--build-env TOKEN="],
        &[
            ("a.py", SOURCE),
            ("requirements.txt", "# ${COMMENT}\nnumpy\ngit+https://${TOKEN}@github.com/a/b.git\n"),
        ],
    ),
    (
        "pyproject torn",
        5000,
        "pyproject_syntax",
        &["pyproject.toml, line 2"],
        &[("a.py", SOURCE), ("pyproject.toml", "[project]\nname = \n")],
    ),
    (
        "pyproject with an option",
        5000,
        "pyproject_dependency",
        &[],
        &[("a.py", SOURCE), ("pyproject.toml", "[project]\ndependencies = ['--index-url=http://evil']\n")],
    ),
    (
        "pyproject with two lines",
        5000,
        "pyproject_dependency",
        &[],
        &[
            ("a.py", SOURCE),
            ("pyproject.toml", "[project]\ndependencies = [\"a\\n--index-url=http://evil\"]\n"),
        ],
    ),
    (
        "other spelling of config.yml",
        5000,
        "generated_name_taken",
        &["'Config.yml'"],
        &[("a.py", SOURCE), ("Config.yml", "x: 1\n")],
    ),
    (
        "Dockerfile is a folder",
        5000,
        "generated_name_taken",
        &[],
        &[("a.py", SOURCE), ("Dockerfile/gpu", "FROM x\n")],
    ),
];

#[test]
fn bad_packages_are_refused_with_number_place_and_remedy() {
    let mut wrong = Vec::new();
    for (kind, number, code, words, files) in BAD {
        match inspect_files(files) {
            Ok((inspection, _)) => {
                wrong.push(format!("{kind}: taken as {:?}", inspection.package.executor.name))
            }
            Err(refusal) => {
                let text = refusal.to_string();
                if refusal.class.number() != *number
                    || refusal.code != *code
                    || !words.iter().all(|word| text.contains(word))
                {
                    wrong.push(format!("{kind}: {refusal:?}"));
                }
                assert!(!refusal.remedy.is_empty() && refusal.message.ends_with('.'), "{kind}: {refusal:?}");
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Good packages: what is special, the class, its file, the generated modules, and the files.
const GOOD: &[(&str, &str, &str, Option<&str>, Files)] = &[
    ("modules at the root", "Mine", "executor.py", None, &[("config.yml", CONFIG), ("executor.py", SOURCE)]),
    (
        "modules under metas",
        "Mine",
        "executor.py",
        None,
        &[("config.yml", "jtype: Mine\nmetas:\n  py_modules:\n    - executor.py\n"), ("executor.py", SOURCE)],
    ),
    (
        "module as one text",
        "Mine",
        "executor.py",
        None,
        &[("config.yml", "jtype: Mine\npy_modules: ./executor.py\n"), ("executor.py", SOURCE)],
    ),
    (
        "class by tag",
        "Mine",
        "executor.py",
        None,
        &[
            ("config.yml", "!Mine\nwith:\n  x: !Flow {}\nmetas:\n  py_modules: executor.py\n"),
            ("executor.py", SOURCE),
        ],
    ),
    (
        "byte order mark",
        "Mine",
        "executor.py",
        None,
        &[("config.yml", "\u{feff}jtype: Mine\npy_modules: executor.py\n"), ("executor.py", SOURCE)],
    ),
    (
        "last key wins",
        "Mine",
        "executor.py",
        None,
        &[("config.yml", "jtype: Wrong\njtype: Mine\npy_modules: executor.py\n"), ("executor.py", SOURCE)],
    ),
    (
        "merged key",
        "Mine",
        "executor.py",
        None,
        &[
            ("config.yml", "base: &base {jtype: Mine}\n<<: *base\npy_modules: executor.py\n"),
            ("executor.py", SOURCE),
        ],
    ),
    (
        "class without visible base",
        "Mine",
        "executor.py",
        None,
        &[
            ("config.yml", CONFIG),
            ("executor.py", "from somewhere import Thing\nclass Mine(Thing):\n    pass\n"),
        ],
    ),
    (
        "other Executors beside",
        "Mine",
        "executor.py",
        None,
        &[("config.yml", CONFIG), ("executor.py", SOURCE), ("other.py", OTHER), ("broken.py", "(")],
    ),
    (
        "imported by a module",
        "Mine",
        "lib/impl.py",
        None,
        &[("config.yml", CONFIG), ("executor.py", "from lib.impl import Mine\n"), ("lib/impl.py", SOURCE)],
    ),
    (
        "imported with dots",
        "Mine",
        "pkg/impl.py",
        None,
        &[
            ("config.yml", "jtype: Mine\npy_modules: pkg/__init__.py\n"),
            ("pkg/__init__.py", "from .impl import Mine\n"),
            ("pkg/impl.py", SOURCE),
        ],
    ),
    (
        "imported from a package",
        "Mine",
        "pkg/deep/__init__.py",
        None,
        &[
            ("config.yml", "jtype: Mine\npy_modules: pkg/__init__.py\n"),
            ("pkg/__init__.py", "from .deep import Mine\n"),
            ("pkg/deep/__init__.py", SOURCE),
        ],
    ),
    (
        "defined in two branches",
        "Mine",
        "executor.py",
        None,
        &[
            ("config.yml", CONFIG),
            ("executor.py", "if a:\n    class Mine: pass\nelse:\n    class Mine: pass\n"),
        ],
    ),
    ("no config", "Mine", "my.py", Some("my.py"), &[("my.py", SOURCE)]),
    (
        "no config, in executor/",
        "Mine",
        "executor/my.py",
        Some("executor/my.py"),
        &[("executor/my.py", SOURCE)],
    ),
    (
        "no config, package",
        "Mine",
        "executor/my.py",
        Some("executor/__init__.py"),
        &[("executor/my.py", SOURCE), ("executor/__init__.py", "from .my import Mine\n")],
    ),
    (
        "no config, with what it needs",
        "Mine",
        "my.py",
        Some("deep.py my.py"),
        &[
            (
                "my.py",
                "from near import x\nimport deep\nfrom jina import Executor\nclass Mine(Executor):\n    pass\n",
            ),
            ("deep.py", ""),
            ("setup.py", "raise SystemExit\n"),
        ],
    ),
    (
        "no config, order",
        "Mine",
        "a.py",
        Some("c.py b.py a.py"),
        &[
            ("a.py", "import b, c\nfrom jina import Executor\nclass Mine(Executor):\n    pass\n"),
            ("b.py", "from c import x\n"),
            ("c.py", ""),
        ],
    ),
    (
        "optional import missing",
        "Mine",
        "a.py",
        Some("a.py"),
        &[(
            "a.py",
            "try:\n    from .fast import x\nexcept ImportError:\n    x = 1\nfrom jina import Executor\nclass Mine(Executor):\n    pass\n",
        )],
    ),
    (
        "cycle for types only",
        "Mine",
        "a.py",
        Some("b.py a.py"),
        &[
            ("a.py", "import b\nfrom jina import Executor\nclass Mine(Executor):\n    pass\n"),
            ("b.py", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import a\n"),
        ],
    ),
    (
        "alias",
        "Mine",
        "a.py",
        Some("a.py"),
        &[("a.py", "from jina import Executor as Ex\nclass Mine(Ex):\n    pass\n")],
    ),
    (
        "by attribute",
        "Mine",
        "a.py",
        Some("a.py"),
        &[("a.py", "import jina as j\nclass Mine(j.Executor):\n    pass\n")],
    ),
    (
        "generic",
        "Mine",
        "a.py",
        Some("a.py"),
        &[("a.py", "from jina import Executor\nclass Mine[T](Executor):\n    pass\n")],
    ),
    (
        "under try",
        "Mine",
        "a.py",
        Some("a.py"),
        &[(
            "a.py",
            "try:\n    from jina import Executor\n    class Mine(Executor):\n        pass\nexcept ImportError:\n    pass\n",
        )],
    ),
    (
        "through a base of the file",
        "Mine",
        "a.py",
        Some("a.py"),
        &[(
            "a.py",
            "from jina import Executor\nclass Base(Executor):\n    pass\nclass Mine(Base):\n    pass\n",
        )],
    ),
    (
        "Latin-1 source",
        "Mine",
        "a.py",
        Some("a.py"),
        &[("a.py", "# coding: latin-1\nfrom jina import Executor\nclass Mine(Executor):\n    pass\n")],
    ),
];

#[test]
fn good_packages_are_taken_with_their_class_and_file() {
    for (kind, class, filepath, modules, files) in GOOD {
        let (inspection, zip) = inspect_files(files).unwrap_or_else(|refusal| panic!("{kind}: {refusal}"));
        let package = inspection.package;
        assert_eq!(package.executor.name, *class, "{kind}");
        assert_eq!(package.filepath.as_deref(), Some(*filepath), "{kind}");
        assert!(package.executor.parsed, "{kind}");
        let config = text_in(&zip, "config.yml").unwrap();
        if let Some(modules) = modules {
            let expected: String = modules.split(' ').map(|m| format!("    - {m}\n")).collect();
            assert_eq!(config, format!("jtype: Mine\nmetas:\n  py_modules:\n{expected}"), "{kind}");
        } else {
            let written = files.iter().find(|(path, _)| *path == "config.yml").unwrap().1;
            assert_eq!(config, written, "{kind}: an author's file is kept");
        }
        let listed: Vec<_> = package.files.iter().map(|file| file.path.as_str()).collect();
        assert!(
            listed.is_sorted() && listed.contains(&"Dockerfile") && listed.contains(&"config.yml"),
            "{kind}"
        );
    }
}

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
    assert_eq!(package.required_variables, ["TOKEN"]);
    let everything = serde_json::to_string(&package).unwrap();
    assert!(!everything.contains("pw@") && !everything.contains("sig=abc"), "{everything}");
}

#[test]
fn requirements_of_windows_shells_are_read() {
    let utf16: Vec<u8> =
        "\u{feff}numpy==1.0\r\nscipy\r\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let mut zip = super::RawZip::default();
    zip.deflated("a.py", SOURCE.as_bytes());
    zip.deflated("requirements.txt", &utf16);
    let (inspection, _) = super::inspect_zip(&zip.bytes()).unwrap();
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
    let (_, again) = super::inspect_zip(&zip).unwrap();
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
    let image = super::BASE_IMAGE;
    let dockerfile = |requirements: Option<&str>| {
        let mut files = vec![("a.py", SOURCE)];
        files.extend(requirements.map(|text| ("requirements.txt", text)));
        let (inspection, zip) = inspect_files(&files).unwrap();
        assert_eq!(inspection.package.dockerfile, Dockerfile::Generated);
        let text = text_in(&zip, "Dockerfile").unwrap();
        text.lines().filter(|line| !line.starts_with('#')).map(|line| format!("{line}\n")).collect::<String>()
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

#[test]
fn non_latin_sources_that_declare_nothing_are_refused() {
    let mut zip = super::RawZip::default();
    zip.deflated("a.py", b"# caf\xe9\nfrom jina import Executor\nclass Mine(Executor): pass\n");
    let refusal = super::inspect_zip(&zip.bytes()).map(|_| ()).unwrap_err();
    assert_eq!((refusal.code, refusal.class), ("python_encoding", RefusalClass::Other));
    let mut zip = super::RawZip::default();
    zip.deflated(
        "a.py",
        b"# -*- coding: latin-1 -*- caf\xe9\nfrom jina import Executor\nclass Mine(Executor): pass\n",
    );
    assert!(super::inspect_zip(&zip.bytes()).is_ok());
}
