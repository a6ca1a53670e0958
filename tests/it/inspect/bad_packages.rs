//! Which folders are no packages? Data for the tests, as authors get it wrong.

use super::{CONFIG, SOURCE};

type Files = &'static [(&'static str, &'static str)];

const EMPTY: &str = "";
const OTHER: &str = "from jina import Executor\nclass Other(Executor):\n    pass\n";

/// Bad packages: what is wrong, the old number, the code, words that the text must hold, and the files.
pub const BAD: &[(&str, u16, &str, &[&str], Files)] = &[
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
