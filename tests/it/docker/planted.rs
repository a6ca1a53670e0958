//! Are failures explained? Twenty planted ones, each with the class that it must get and the line that decides it.

use executor_hub::domain::task::FaultKind;
use futures_util::{StreamExt as _, stream};

use super::*;

/// Builds at once: more only wait for each other.
const AT_ONCE: usize = 4;

struct Planted {
    dockerfile: &'static str,
    files: &'static [(&'static str, &'static str)],
    kind: FaultKind,
    /// Part of the line that decides it.
    decided_by: &'static str,
}

const fn planted(dockerfile: &'static str, kind: FaultKind, decided_by: &'static str) -> Planted {
    Planted { dockerfile, files: &[], kind, decided_by }
}

const BROKEN_SETUP: &str = "from setuptools import setup\nraise RuntimeError('no such luck')\n";
const NEEDS_A_COMPILER: &str = "from setuptools import Extension, setup\n\
    setup(name='native', version='1', ext_modules=[Extension('native', ['native.c'])])\n";
const OLD_PYTHON_ONLY: &str =
    "from setuptools import setup\nsetup(name='oldie', version='1', python_requires='<3')\n";
const INSTALL: &str = "FROM BASE\nCOPY . /w\nRUN pip install --no-build-isolation /w\n";

const ALL: [Planted; 22] = [
    planted("FROM no-such-base-of-anybody:1\nRUN true\n", FaultKind::BaseImage, "no-such-base-of-anybody"),
    planted("FROM 127.0.0.1:1/team/base:1\nRUN true\n", FaultKind::BaseImage, "127.0.0.1:1"),
    planted("FROM BASE\nRUNN true\n", FaultKind::Dockerfile, "RUNN true"),
    planted("FROM BASE\nENV\n", FaultKind::Dockerfile, "ENV"),
    planted("FROM BASE\nCOPY nope.txt /x\n", FaultKind::Dockerfile, "nope.txt"),
    planted("FROM BASE\nADD http://127.0.0.1/x /x\n", FaultKind::Dockerfile, "ADD http://127.0.0.1/x"),
    planted(
        "FROM BASE\nRUN pip install executor-hub-has-no-such-package==9.9\n",
        FaultKind::Dependency,
        "No matching distribution found for executor-hub-has-no-such-package",
    ),
    planted(
        "FROM BASE\nRUN pip install --dry-run idna==2.0 requests==2.31.0\n",
        FaultKind::Dependency,
        "ResolutionImpossible",
    ),
    planted("FROM BASE\nRUN pip install 'six=='\n", FaultKind::Dependency, "found for six=="),
    planted(
        "FROM BASE\nRUN pip install -r requirements.txt\n",
        FaultKind::Dependency,
        "Could not open requirements file",
    ),
    Planted {
        dockerfile: INSTALL,
        files: &[("setup.py", OLD_PYTHON_ONLY)],
        kind: FaultKind::Dependency,
        decided_by: "requires a different Python",
    },
    planted(
        "FROM BASE\nRUN python3 -c 'import no_such_module_of_anybody'\n",
        FaultKind::Dependency,
        "No module named 'no_such_module_of_anybody'",
    ),
    Planted {
        dockerfile: INSTALL,
        files: &[("setup.py", BROKEN_SETUP)],
        kind: FaultKind::Wheel,
        decided_by: "no such luck",
    },
    Planted {
        dockerfile: INSTALL,
        files: &[("setup.py", NEEDS_A_COMPILER), ("native.c", "int x;\n")],
        kind: FaultKind::Wheel,
        decided_by: "gcc",
    },
    planted(
        "FROM BASE\nRUN pip install --retries 1 --index-url http://127.0.0.1:1/simple six\n",
        FaultKind::Network,
        "Connection refused",
    ),
    planted(
        "FROM BASE\nRUN python3 -c 'import socket; socket.getaddrinfo(\"nowhere.invalid\", 80)'\n",
        FaultKind::Network,
        "socket.gaierror",
    ),
    Planted {
        dockerfile: "FROM BASE\nCOPY . /w\nRUN python3 -m compileall -q /w && echo fine\n",
        files: &[("broken.py", "def f(:\n    pass\n")],
        kind: FaultKind::Syntax,
        decided_by: "SyntaxError",
    },
    planted("FROM BASE\nRUN if true; then echo x\n", FaultKind::Syntax, "Syntax error"),
    planted(
        "FROM BASE\nRUN python3 -c 'import resource as r; r.setrlimit(r.RLIMIT_AS, (1 << 28, 1 << 28)); bytearray(1 << 30)'\n",
        FaultKind::Memory,
        "MemoryError",
    ),
    planted("FROM BASE\nRUN echo still-here; exec sleep 43100\n", FaultKind::Time, "still-here"),
    // What came before matters more than the noise after it.
    planted(
        "FROM BASE\nRUN echo 'ValueError: the cause'; seq 200; exit 9\n",
        FaultKind::Step,
        "ValueError: the cause",
    ),
    planted(
        "FROM BASE\nRUN no-such-command-of-anybody\n",
        FaultKind::Step,
        "no-such-command-of-anybody: not found",
    ),
];

#[tokio::test]
async fn docker_planted_failures_get_their_class_and_show_what_decided_them() {
    let engine = engine().await;
    let builds = ALL.iter().map(|planted| {
        let engine = engine.clone();
        async move {
            let job = job("").change(|plan| {
                // Enough for pip on a busy machine, and soon enough for the one that never ends.
                let endless = planted.kind == FaultKind::Time;
                plan.limits.time = std::time::Duration::from_secs(if endless { 6 } else { 120 });
            });
            let dockerfile = planted.dockerfile.replace("BASE", &base());
            let files = [&[("Dockerfile", dockerfile.as_str())], planted.files].concat();
            write_package(&job.plan.package, &files);
            (planted, run(&engine, job).await)
        }
    });
    let outcomes: Vec<_> = stream::iter(builds).buffer_unordered(AT_ONCE).collect().await;
    let mut wrong = Vec::new();
    for (planted, outcome) in outcomes {
        let fault = outcome.fault();
        let is_shown = fault.lines.iter().any(|line| line.contains(planted.decided_by));
        if fault.kind != planted.kind || !is_shown {
            wrong.push(format!("{:?} wanted {:?}: {fault:#?}", planted.dockerfile, planted.kind));
        }
        // What is told ends in a sentence about what to do.
        assert!(fault.message.trim_end().ends_with('.'), "{fault:?}");
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), ALL.len(), wrong.join("\n"));
}
