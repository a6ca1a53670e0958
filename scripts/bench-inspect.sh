#!/usr/bin/env bash
# How much time and memory does it take to inspect a typical package? Prints a table of goals and what was measured.
#
#   scripts/bench-inspect.sh [PROGRAM]     default: a release build of this tree
#
# Measured is the command `executor-hub inspect`: the same code as a push, in a process of its own, with the child that
# reads Python; so it is an upper bound. Memory is what it needs above `executor-hub --version`. Exit status 1 when a
# goal is missed.
set -euo pipefail
# shellcheck source=scripts/prelude.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/prelude.sh"
cd "$PROJECT_ROOT"

program=${1:-}
if [[ -z $program ]]; then
    SQLX_OFFLINE=true cargo build --quiet --locked --release --bin executor-hub
    program=${CARGO_TARGET_DIR:-target}/release/executor-hub
fi
have python3 || install_packages python3
python3 - "$program" <<'PYTHON'
import os, pathlib, statistics, subprocess, sys, tempfile, zipfile

program = sys.argv[1]
RUNS = 40


def measured(*arguments):
    """Processor milliseconds and peak MiB of one run, children included."""
    process = subprocess.Popen([program, *arguments], env={"HOME": "/nowhere"}, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, arguments
    return (usage.ru_utime + usage.ru_stime) * 1000, usage.ru_maxrss / 1024


def files():
    """An Executor of the usual size: some sources, a readme, requirements, tests, a small model."""
    body = "".join(
        f"    @requests(on='/{n}')\n    def f{n}(self, docs, parameters=None, **kwargs):\n"
        f"        '''Does {n}.'''\n        for doc in docs:\n            doc.tags['{n}'] = [x * {n} for x in range(3)]\n\n"
        for n in range(12)
    )
    yield "config.yml", "jtype: Typical\npy_modules:\n  - executor.py\n"
    yield "manifest.yml", "name: Typical\ndescription: What people push.\nkeywords: [search, text]\n"
    yield "executor.py", (
        "import numpy as np\nfrom jina import Executor, requests\n\n\nclass Typical(Executor):\n    '''Finds things.'''\n\n"
        "    def __init__(self, model: str = 'small', size: int = 3, **kwargs):\n        super().__init__(**kwargs)\n\n" + body
    )
    yield "requirements.txt", "".join(f"library{n}>={n}.0,<{n + 1}.0\n" for n in range(1, 12))
    yield "README.md", "# Typical\n\n" + "Some words about what it does.\n" * 100
    for n in range(8):
        yield f"tests/test_{n}.py", f"def test_{n}():\n    assert {n} == {n}\n" * 20
    yield "model.bin", "".join(chr(33 + n * n % 90) for n in range(200_000))


with tempfile.TemporaryDirectory() as folder:
    package = pathlib.Path(folder, "package.zip")
    with zipfile.ZipFile(package, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files():
            archive.writestr(name, text)
    start = [measured("--version") for _ in range(RUNS)]
    runs = [measured("inspect", str(package), "--json") for _ in range(RUNS)]

base = max(peak for _, peak in start)
rows = [
    ("processor time, median", "ms", 10, statistics.median(cpu for cpu, _ in runs)),
    ("memory, highest peak", "MiB", 16, max(peak for _, peak in runs) - base),
]
print(f"{'inspecting a typical package':<30} {'goal':>10} {'measured':>12}")
for what, unit, goal, value in rows:
    outcome = "ok" if value < goal else "MISSED"
    print(f"{what:<30} {f'< {goal} {unit}':>10} {f'{value:.1f} {unit}':>12}  {outcome}")
sys.exit(any(value >= goal for _, _, goal, value in rows))
PYTHON
