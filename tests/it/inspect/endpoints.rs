//! Which paths does an Executor serve? What its class, its bases in other files, and `requests:` in `config.yml` say.

use executor_hub::inspect::Inspection;

use super::{CONFIG, SOURCE, inspect_files};

/// `method:path path` for each endpoint; `*` for every path that no other serves.
fn served(inspection: &Inspection) -> Vec<String> {
    let endpoints = inspection.package.executor.endpoints.iter();
    let on = |paths: &Option<Vec<String>>| paths.as_ref().map_or("*".to_owned(), |paths| paths.join(" "));
    endpoints.map(|each| format!("{}:{}", each.function.name, on(&each.on))).collect()
}

fn of_files(files: &[(&str, &str)]) -> Vec<String> {
    served(&inspect_files(files).unwrap_or_else(|refusal| panic!("{refusal}")).0)
}

fn of_body(before: &str, body: &str) -> Vec<String> {
    let source = format!(
        "import functools\nfrom jina import Executor, requests\n{before}\nclass Mine(Executor):\n{body}\n"
    );
    of_files(&[("config.yml", CONFIG), ("executor.py", &source)])
}

#[test]
fn requests_is_found_however_it_is_bound() {
    let cases: &[(&str, &str, &[&str])] = &[
        ("", "    @requests(on={'/a': 1, '/b': 2})\n    def f(self): ...", &["f:/a /b"]),
        ("", "    @requests(on={'/a'})\n    def f(self): ...", &["f:/a"]),
        ("", "    @requests(on=[])\n    def f(self): ...", &[]),
        ("", "    @requests(on=None)\n    def f(self): ...", &["f:*"]),
        ("", "    @requests(request_schema=X, on='/a', response_schema=Y)\n    def f(self): ...", &["f:/a"]),
        ("PATH = '/a'", "    @requests(on=PATH)\n    def f(self): ...", &["f:/a"]),
        ("PATHS: list = ['/a', '/b']", "    @requests(on=PATHS)\n    def f(self): ...", &["f:/a /b"]),
        ("A = '/a'", "    @requests(on=[A, '/b'])\n    def f(self): ...", &["f:/a /b"]),
        ("", "    PATH = '/own'\n    @requests(on=PATH)\n    def f(self): ...", &["f:/own"]),
        ("P = '/a'\nP = '/b'", "    @requests(on=P)\n    def f(self): ...", &["f:{P}"]),
        ("P = '/' + X", "    @requests(on=P)\n    def f(self): ...", &["f:{P}"]),
        ("", "    @functools.partial(requests, on='/a')\n    def f(self): ...", &["f:/a"]),
        ("index = functools.partial(requests, on='/a')", "    @index\n    def f(self): ...", &["f:/a"]),
        ("index = functools.partial(requests, on='/a')", "    @index()\n    def f(self): ...", &["f:/a"]),
        ("index = requests(on='/a')", "    @index\n    def f(self): ...", &["f:/a"]),
        ("wrap = functools.partial(other, on='/a')", "    @wrap\n    def f(self): ...", &[]),
        ("", "    @requests(on='/a')\n    @functools.wraps(x)\n    def f(self): ...", &["f:/a"]),
        ("", "    @requests(on='/a')\n    @requests(on='/b')\n    def f(self): ...", &["f:/a", "f:/b"]),
        ("", "    def _f(self, docs): ...\n    f = requests(on='/a')(_f)", &["f:/a"]),
        ("", "    def _f(self, docs): ...\n    f = requests(_f)", &["f:*"]),
        ("def out(self): ...", "    f = requests(on=['/a', '/b'])(out)", &["f:/a /b"]),
        ("", "    f = requests(on='/a')", &[]),
        ("", "    f = other(on='/a')(x)", &[]),
    ];
    for (before, body, expected) in cases {
        assert_eq!(of_body(before, body), *expected, "{before}\n{body}");
    }
}

#[test]
fn an_assigned_endpoint_shows_the_arguments_of_its_method() {
    let source = "from jina import Executor, requests\nclass Mine(Executor):\n    async def _f(self, docs, n: int = 3): 'Doc.'\n    f = requests(on='/a')(_f)\n";
    let (inspection, _) = inspect_files(&[("executor.py", source)]).unwrap();
    let function = &inspection.package.executor.endpoints[0].function;
    assert_eq!(
        (function.name.as_str(), function.is_async, function.docstring.as_deref()),
        ("f", true, Some("Doc."))
    );
    assert_eq!(
        function.parameters.iter().map(|each| each.name.as_str()).collect::<Vec<_>>(),
        ["self", "docs", "n"]
    );
}

const MINE: &str = "from jina import requests\nfrom lib.base import Base\nclass Mine(Base):\n    @requests(on='/own')\n    def own(self): ...\n    def hidden(self): ...\n";
const BASE: &str = "from jina import Executor, requests\nfrom .deep import Deep as D\nclass Base(D):\n    @requests(on='/base')\n    def base(self): ...\n    @requests(on='/hidden')\n    def hidden(self): ...\n";
const DEEP: &str = "from jina import Executor, requests\nclass Deep(Executor):\n    @requests\n    async def deep(self): ...\n    @requests(on='/again')\n    def base(self): ...\n";

#[test]
fn endpoints_of_bases_in_other_files_are_inherited() {
    let files = [("config.yml", CONFIG), ("executor.py", MINE), ("lib/base.py", BASE), ("lib/deep.py", DEEP)];
    assert_eq!(of_files(&files), ["own:/own", "base:/base", "deep:*"]);
    let searched = [
        ("mine.py", "from jina import requests\nfrom base import Base\nclass Mine(Base):\n    pass\n"),
        (
            "base.py",
            "from jina import Executor, requests\nclass Base(Executor):\n    @requests(on='/base')\n    def base(self): ...\n",
        ),
    ];
    assert_eq!(of_files(&searched), ["base:/base"]);
}

#[test]
fn a_base_that_cannot_be_read_costs_only_its_endpoints() {
    for broken in ["class Base(:\n", "# caf\u{e9}\nfrom .base import Base\n", ""] {
        let files = [("config.yml", CONFIG), ("executor.py", MINE), ("lib/base.py", broken)];
        assert_eq!(of_files(&files), ["own:/own"], "{broken:?}");
    }
    let circle = "from executor import Mine\nclass Base(Mine):\n    pass\n";
    let files = [("config.yml", CONFIG), ("executor.py", MINE), ("lib/base.py", circle)];
    assert_eq!(of_files(&files), ["own:/own"]);
}

#[test]
fn config_yml_rebinds_methods_as_jina_does() {
    let source = "from jina import Executor, requests\nclass Mine(Executor):\n    @requests(on=['/a', '/b'])\n    def f(self): ...\n    @requests\n    def every(self): ...\n    @requests(on='/c')\n    def g(self): ...\n    def plain(self, docs): ...\n";
    let with = |requests: &str| {
        let config = format!("{CONFIG}requests:{requests}");
        let (inspection, _) = inspect_files(&[("config.yml", &config), ("executor.py", source)]).unwrap();
        (served(&inspection), inspection.package.notices)
    };
    let unchanged = ["f:/a /b", "every:*", "g:/c"];
    assert_eq!(with("\n").0, unchanged);
    assert_eq!(with(" [a]\n").0, unchanged);
    assert_eq!(with(" {/x: [f], 1: g}\n").0, unchanged);
    assert_eq!(with("\n  /x: plain\n").0, ["f:/a /b", "every:*", "g:/c", "plain:/x"]);
    assert_eq!(with("\n  /x: f\n  /y: f\n").0, ["f:/a /x /y", "every:*", "g:/c"]);
    assert_eq!(with("\n  /x: every\n").0, ["f:/a /b", "every:/x", "g:/c"]);
    assert_eq!(with("\n  /c: plain\n").0, ["f:/a /b", "every:*", "plain:/c"]);
    let (served, notices) = with("\n  /x: gone\n");
    assert_eq!(served, unchanged);
    assert_eq!(
        notices,
        ["config.yml, line 4: 'requests' binds '/x' to 'gone', which the class does not define."]
    );
}

#[test]
fn a_class_without_endpoints_serves_none() {
    assert_eq!(of_files(&[("executor.py", SOURCE)]), [""; 0]);
}
