//! Which folders are good packages? Data for the tests, in every spelling that authors use.

use super::{CONFIG, SOURCE};

type Files = &'static [(&'static str, &'static str)];

const OTHER: &str = "from jina import Executor\nclass Other(Executor):\n    pass\n";

/// Good packages: what is special, the class, its file, the generated modules, and the files.
pub const GOOD: &[(&str, &str, &str, Option<&str>, Files)] = &[
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
