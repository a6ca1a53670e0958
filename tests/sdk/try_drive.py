"""Drives every installed client against the stub Hub: does the driver find what each client says?

    python3 tests/sdk/try_drive.py CLIENTS [NAME…]     CLIENTS as printed by scripts/python-clients.sh

Prints one line a step and ends with `N passed, M failed`; the exit status is 1 when anything failed.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from stub_hub import serve

HERE = Path(__file__).parent
PULL = {'sdk-0.39.0': 'jinaai://alice/Hello', 'sdk-0.26.12': 'jinaai://alice/Hello'}


def drive(python, home, registry, *arguments, **extra):
    """Runs the driver as a test would and returns its last line."""
    environment = {'PATH': os.environ['PATH'], 'HOME': str(home), 'JINA_HUB_ROOT': str(home / 'jina'),
                   'JINA_HUB_CACHE_DIR': str(home / 'cache'), 'JINA_HUBBLE_REGISTRY': registry, **extra}
    outcome = subprocess.run([python, HERE / 'drive.py', *arguments], env=environment, stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120)
    lines = outcome.stdout.strip().splitlines() or ['']
    try:
        return json.loads(lines[-1]), outcome.stdout
    except ValueError:
        return {'ok': False, 'error': outcome.stdout[-800:]}, outcome.stdout


def steps(name, python, home, registry):
    """Each step's name and whether it went as the stub's answers demand."""
    folder = home / 'hello'
    folder.mkdir()
    (folder / 'config.yml').write_text('jtype: Hello\nmetas:\n  name: Hello\npy_modules:\n  - executor.py\n')
    (folder / 'executor.py').write_text('from jina import Executor\n\n\nclass Hello(Executor):\n    pass\n')
    signed_in = {'JINA_AUTH_TOKEN': 'stub-token'} if name.startswith('sdk-') else {}

    last, text = drive(python, home, registry, 'push', str(folder), '--private', **signed_in)
    yield 'push', last['ok'] and last['result'].get('id') == 'w7qckiqy' and 'w7qckiqy' in text, text
    last, text = drive(python, home, registry, 'pull', PULL.get(name, 'jinahub://Hello'), **signed_in)
    yield 'pull', last['ok'] and last['result'].endswith('config.yml'), text
    if name.startswith('sdk-'):
        last, text = drive(python, home, registry, 'status', str(folder), **signed_in)
        yield 'status', last['ok'], text
        last, text = drive(python, home, registry, 'client', 'get_user_info', **signed_in)
        yield 'client', last['ok'] and last['result']['data']['name'] == 'alice', text
    last, text = drive(python, home, registry, 'push', str(folder / 'nowhere'))
    yield 'a wrong folder is reported', not last['ok'] and 'error' in last, text
    last, text = drive(python, home, 'http://192.0.2.1:1', 'push', str(folder), DOCKER_HOST='', **signed_in)
    yield 'an unreachable Hub is reported', not last['ok'], text


def main(clients, *names):
    passed = failed = 0
    for name in names or sorted(path.name for path in Path(clients).iterdir() if not path.name.startswith('.')):
        if name == 'jina-3.34.0':
            continue  # It is there for Flows; its hub commands are those of the SDK.
        registry, requests = serve()
        with tempfile.TemporaryDirectory() as home:
            for step, right, text in steps(name, Path(clients) / name / 'bin' / 'python', Path(home), registry):
                passed, failed = passed + right, failed + (not right)
                print(f'{name}: {step}: {"ok" if right else "FAILED"}' + ('' if right else f'\n{text}'))
        print(f'{name}: sent {", ".join(path for _, path, _, _ in requests)}')
    print(f'{passed} passed, {failed} failed')
    return 1 if failed or not passed else 0


if __name__ == '__main__':
    sys.exit(main(*sys.argv[1:]))
