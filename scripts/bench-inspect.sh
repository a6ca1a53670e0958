#!/usr/bin/env bash
# How much time and memory does it take to inspect a typical package? Prints a table of goals and what was measured.
#
#   scripts/bench-inspect.sh [PROGRAM]     default: a release build of this tree
#
# Measured is the command `executor-hub inspect`: the same code as a push, in a process of its own, with the child that
# reads Python; so it is an upper bound. Time is that of both processes; memory is the highest peak of either, its
# program included. Exit status 1 when a goal is missed.
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


# A bare interpreter, since the kernel counts the memory of whoever starts a process as that of the process.
LAUNCHER = """
import os, sys
quiet = [(os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0)]
process = os.posix_spawn(sys.argv[1], sys.argv[1:], {"HOME": "/nowhere"}, file_actions=quiet)
_, status, usage = os.wait4(process, 0)
print(os.waitstatus_to_exitcode(status), (usage.ru_utime + usage.ru_stime) * 1000, usage.ru_maxrss / 1024)
"""


def measured(*command):
    """Processor milliseconds and peak MiB of one run, children included."""
    launcher = [sys.executable, "-I", "-S", "-c", LAUNCHER, *command]
    status, cpu, peak = subprocess.run(launcher, capture_output=True, check=True, text=True).stdout.split()
    assert status == "0", command
    return float(cpu), float(peak)


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
    runs = [measured(program, "inspect", str(package), "--json") for _ in range(RUNS)]

peak = max(peak for _, peak in runs)
assert peak > measured("/bin/true")[1], "the launcher hides what the program needs"
rows = [
    ("processor time, median", "ms", 10, statistics.median(cpu for cpu, _ in runs)),
    ("memory, highest peak", "MiB", 16, peak),
]
print(f"{'inspecting a typical package':<30} {'goal':>10} {'measured':>12}")
for what, unit, goal, value in rows:
    outcome = "ok" if value < goal else "MISSED"
    print(f"{what:<30} {f'< {goal} {unit}':>10} {f'{value:.1f} {unit}':>12}  {outcome}")
sys.exit(any(value >= goal for _, _, goal, value in rows))
PYTHON
