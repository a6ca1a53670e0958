"""Do the commands of the documentation do what it says? Runs every fenced block of README.md and docs/*.md.

    python3 tests/docs/run.py PROGRAM CLIENT [FILE...]

PROGRAM is an executor-hub, CLIENT the folder of programs of an environment that scripts/python-clients.sh makes. Each file is
one shell, in which its `sh` blocks run in order, in a scratch folder that holds copies of examples/ and config/, beside a Hub of
its own that has just been started and has nobody in it. A command that fails, or five minutes for one file, fails
it; so does a link to a file that is not there. `toml` blocks are settings: `executor-hub config check` reads them. `json` and
`yaml` are parsed. `text` is what people see.

A comment in the line before a block changes that, and is the only way out:

    <!-- not run: needs root -->              the block is not run, for this reason; reasons are listed at the end
    <!-- first: executor-hub user create a --> what the block takes for granted, run before it

An indented block would escape all this: there may be none. Pages whose text should stay free of such comments have theirs in
MARKS below, and what they call by a name that people put their own for is found in PLACES.
"""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).parents[2]
FENCE = re.compile(r'^( *)```(\S*)$')
MARK = re.compile(r'^\s*<!-- (not run|first): (.*) -->$')
PATIENCE = 300
# What other programs' languages are: tests of their own run them (tests/packaging/proxies.sh).
ELSEWHERE = {'nginx', 'caddyfile'}

# (file, beginning of the block): what a comment before it would say.
MARKS = {
    ('BACKUP.md', 'executor-hub backup'): {
        'first': 'executor-hub user create alice >/dev/null; executor-hub token create alice >token.txt; '
        'JINA_HUBBLE_REGISTRY=http://127.0.0.1:8080 JINA_AUTH_TOKEN=$(cat token.txt) jina-hub push examples/hello >/dev/null'
    },
    # Into a place of its own, with the key of the copied Hub; what follows is done there.
    ('BACKUP.md', 'executor-hub restore'): {
        'first': 'mkdir -m 0711 restored; cp data/master.key restored/; export HUB_SERVER__DATA_DIR=$PWD/restored'
    },
    ('BACKUP.md', 'executor-hub import'): {'first': 'mkdir -p executors/bob; cp -r examples/hello executors/bob/Hello'},
    ('IMAGES.md', 'docker login'): {'not run': "needs a Hub with a certificate; the registry's own tests pull with Docker"},
}
# Examples of people's own places, and those of the scratch.
PLACES = {'/backups/': './backups/', 'https://old-hub.example.com': 'http://127.0.0.1:8080'}
# Whole files that are not read, and why.
LEFT_OUT = {'PERFORMANCE.md': 'its commands measure for half an hour'}


class Block:
    def __init__(self, line, language, marks):
        self.line, self.language, self.lines, self.marks = line, language, [], dict(marks)


def blocks(path):
    """The fenced blocks of a file, each with the comments that stand right before it."""
    found, marks, block, before, in_list = [], [], None, '', False
    for number, line in enumerate(path.read_text().splitlines(), 1):
        fence = FENCE.match(line)
        if block is not None:
            if fence and not fence[2]:
                found.append(block)
                block, marks = None, []
            else:
                block.lines.append(line.removeprefix(indent))
        elif fence:
            indent = fence[1]
            block = Block(number, fence[2], marks)
        elif mark := MARK.match(line):
            marks.append((mark[1], mark[2]))
        else:
            # Four spaces after an empty line are code, unless a list goes on.
            if line.startswith('    ') and not before.strip() and not in_list:
                found.append(Block(number, 'indented', marks))
                found[-1].lines.append(line.strip())
            if line.strip():
                marks = []
                in_list = bool(re.match(r'^\s*([-*]|\d+\.) ', line)) or (line.startswith(' ') and in_list)
        before = line
    if block is not None:
        raise SystemExit(f'{path}:{block.line}: a block without an end')
    for block in found:
        for (name, beginning), added in MARKS.items():
            if name == path.name and block.lines and block.lines[0].startswith(beginning):
                block.marks |= added
    return found


def broken_links(path):
    """Links to files of the project that are not there."""
    for number, line in enumerate(path.read_text().splitlines(), 1):
        for target in re.findall(r'\]\(([^)#\s]+)', line):
            if '://' not in target and not (path.parent / target).exists():
                yield f'{path.relative_to(ROOT)}:{number}: there is no {target}'


def free_port():
    with socket.socket() as listener:
        listener.bind(('127.0.0.1', 0))
        return listener.getsockname()[1]


class Scratch:
    """A folder with a Hub in it."""

    def __init__(self, program, client):
        self.folder = Path(tempfile.mkdtemp(prefix='hub-docs-', dir='/tmp'))
        # A private PostgreSQL of root's runs as somebody else.
        self.folder.chmod(0o711)
        self.port = free_port()
        programs = self.folder / 'bin'
        programs.mkdir()
        (programs / 'executor-hub').symlink_to(program)
        for name in ('jina-hub', 'jina-auth'):
            (programs / name).symlink_to(Path(client) / name)
        built = self.folder / 'target' / 'release'
        built.mkdir(parents=True)
        (built / 'executor-hub').symlink_to(program)
        for name in ('examples', 'config'):
            shutil.copytree(ROOT / name, self.folder / name)
        (self.folder / 'home').mkdir()
        kept = ('HUB_BUILDS__IMAGE_PREFIX', 'HUB_BUILDS__BASE_IMAGE', 'HUB_BUILDS__ENVIRONMENT', 'HUB_DATABASE__POSTGRES_BIN', 'DOCKER_HOST', 'LANG')
        kept += tuple(name for name in os.environ if name.startswith(('PIP_', 'SSL_', 'REQUESTS_')) or name.lower().endswith('_proxy'))
        self.environment = {name: os.environ[name] for name in kept if name in os.environ} | {
            'PATH': f'{programs}:{os.environ["PATH"]}',
            'HOME': str(self.folder / 'home'),
            'NO_PROXY': '127.0.0.1',
            'no_proxy': '127.0.0.1',
            'HUB_SERVER__DATA_DIR': str(self.folder / 'data'),
            'HUB_SERVER__LISTEN': f'127.0.0.1:{self.port}',
        }

    def __enter__(self):
        self.log = open(self.folder / 'log', 'w')
        self.hub = subprocess.Popen(
            [self.folder / 'bin' / 'executor-hub', 'serve'], env=self.environment, stdout=self.log, stderr=self.log, cwd=self.folder
        )
        deadline = time.monotonic() + 90
        while True:
            try:
                urllib.request.build_opener(urllib.request.ProxyHandler({})).open(f'http://127.0.0.1:{self.port}/readyz', timeout=5)
                return self
            except OSError:
                if time.monotonic() > deadline or self.hub.poll() is not None:
                    raise SystemExit(f'the Hub does not start: {(self.folder / "log").read_text()[-2000:]}') from None
                time.sleep(0.1)

    def __exit__(self, *_):
        self.hub.terminate()
        self.hub.wait(60)
        self.log.close()
        shutil.rmtree(self.folder)

    def shell(self, script):
        """Runs a script; what it left running goes with it."""
        output = self.folder / 'output'
        with open(output, 'w') as said:
            process = subprocess.Popen(
                ['bash', '-euo', 'pipefail', '-O', 'expand_aliases'],
                stdin=subprocess.PIPE, stdout=said, stderr=said, env=self.environment, cwd=self.folder, text=True, start_new_session=True,
            )
            try:
                process.communicate(script, timeout=PATIENCE)
            except subprocess.TimeoutExpired:
                said.write(f'\nstill running after {PATIENCE} s\n')
            finally:
                try:
                    os.killpg(process.pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
                process.wait()
        return process.returncode, output.read_text()


def run_shell(path, wanted, program, client):
    """All `sh` blocks of a file in one shell; says which one failed."""
    script = []
    for block in wanted:
        if 'first' in block.marks:
            script.append(block.marks['first'])
        script += [f'printf "@@ {block.line}\\n"', *block.lines]
    # As a file, so that no command reads the rest of the script as its input.
    with Scratch(program, client) as scratch:
        file = scratch.folder / 'script'
        text = '\n'.join(script)
        for place, here in PLACES.items():
            text = text.replace(place, here)
        file.write_text(text.replace('127.0.0.1:8080', f'127.0.0.1:{scratch.port}') + '\n')
        code, output = scratch.shell(f'. {file} </dev/null')
        if code:
            at = output.rpartition('@@ ')[2].partition('\n')
            hub = (scratch.folder / 'log').read_text()[-1500:]
            return f'{path.relative_to(ROOT)}:{at[0]}: ended with {code}:\n{at[2][-3000:]}\n-- the Hub:\n{hub}'
    return None


def check(path, block, program):
    """What a block that is no command has wrong, if anything."""
    text = '\n'.join(block.lines)
    if block.language == 'json':
        json.loads(text)
    elif block.language == 'yaml':
        try:
            import yaml
        except ImportError:
            return None
        list(yaml.safe_load_all(text))
    elif block.language == 'toml':
        with tempfile.TemporaryDirectory() as folder:
            settings = Path(folder) / 'hub.toml'
            settings.write_text(text)
            environment = {'PATH': os.environ['PATH'], 'HOME': folder}
            done = subprocess.run([program, '--config', settings, 'config', 'check'], env=environment, capture_output=True, text=True)
            return done.stderr if done.returncode else None
    elif block.language == 'indented':
        return 'an indented block; fence it and name its language'
    elif block.language not in ELSEWHERE | {'text', 'python', 'dockerfile'}:
        return f'a block of {block.language or "no language"}: it is not known how to try that'
    return None


def main(program, client, *files):
    paths = [ROOT / file for file in files] or [ROOT / 'README.md', *sorted((ROOT / 'docs').glob('*.md'))]
    program, client = Path(program).resolve(), Path(client).resolve()
    failures, left_out, ran, checked = [], [], 0, 0
    for path in paths:
        if path.name in LEFT_OUT:
            left_out.append(f'{path.relative_to(ROOT)}: {LEFT_OUT[path.name]}')
            continue
        failures += broken_links(path)
        commands = []
        for block in blocks(path):
            if 'not run' in block.marks:
                left_out.append(f'{path.relative_to(ROOT)}:{block.line}: {block.marks["not run"]}')
            elif block.language == 'sh':
                commands.append(block)
            else:
                checked += 1
                wrong = check(path, block, program)
                if wrong:
                    failures.append(f'{path.relative_to(ROOT)}:{block.line}: {wrong}')
        if commands:
            started = time.monotonic()
            failure = run_shell(path, commands, program, client)
            failures += [failure] if failure else []
            ran += len(commands)
            print(f'{path.relative_to(ROOT)}: {len(commands)} blocks{", FAILED" if failure else ""}, {time.monotonic() - started:.0f} s', flush=True)
    print('\n'.join(failures))
    print(f'{ran} blocks of commands run, {checked} others read, {len(failures)} failures; not run:')
    print('\n'.join(f'  {line}' for line in left_out))
    return 1 if failures or not ran else 0


if __name__ == '__main__':
    sys.exit(main(*sys.argv[1:]))
