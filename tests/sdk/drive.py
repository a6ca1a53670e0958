"""Runs one command of a real, unmodified Hub client and ends with one line of JSON that a test can read.

    PYTHON drive.py push FOLDER [any option of that client's `push`]
    PYTHON drive.py pull URI [...]
    PYTHON drive.py status FOLDER [...]
    PYTHON drive.py flow URI TEXT                     a Flow with that Executor answers, jina 3.34 only
    PYTHON drive.py client METHOD ['{"argument": "value"}']      a method of `hubble.Client`, SDK only
    PYTHON drive.py auth login|logout|token [...]                `jina auth …`, SDK only
    PYTHON drive.py login                                        `hubble.login()` of a program, SDK only

PYTHON is the interpreter of one of the environments that scripts/python-clients.sh makes; which client it holds, and so
which arguments count, is for that client's own parser to say. The client prints what it always prints; the last line is

    {"ok": true, "client": "jina-hubble-sdk 0.39.0", "result": {...}}
    {"ok": false, "client": "...", "type": "RequestException", "error": "what the client's user is told"}

The result is the executor that a push or status ended with, what a pull says to use, what the client method returned, or
who is signed in after a login.
Exit status 0 goes with "ok": true, 1 with false.

The caller gives JINA_HUBBLE_REGISTRY and a HOME of its own, because clients remember pushes and tokens there; JINA_AUTH_TOKEN
signs in. A connection to anything but that registry, this machine or its Docker Engine is refused.
"""

import json
import os
import pwd
import sys
import types
from urllib.parse import urlsplit


def allow_only(hosts):
    """Refuses every other connection and look-up, so that a test never depends on, or tells anything to, the outside."""

    def refuse(event, arguments):
        if event == 'socket.getaddrinfo':
            host = arguments[0]
        elif event == 'socket.connect' and isinstance(arguments[1], tuple):
            host = arguments[1][0]
        else:
            return
        host = host.decode() if isinstance(host, bytes) else host
        if host and host not in hosts and not host.startswith('127.'):
            raise PermissionError(f'this test may not reach {host}')

    sys.addaudithook(refuse)


def give_protobuf_a_c_extension():
    """jina 2.x imports a class of protobuf's C++ backend, which has no wheel for Python 3.11; its hub commands never use it."""
    try:
        import google.protobuf.pyext._message  # noqa: F401
    except ImportError:
        for name in ('google.protobuf.pyext', 'google.protobuf.pyext._message'):
            sys.modules[name] = types.ModuleType(name)
        sys.modules['google.protobuf.pyext._message'].MessageMapContainer = type('MessageMapContainer', (), {})


def load_client():
    """The client's name, command class and argument parser: the SDK's, or those inside old jina."""
    try:
        from hubble import __version__ as version
        from hubble.executor.hubio import HubIO
        from hubble.executor.parsers import get_main_parser

        # jina 3.7 to 3.9 bring an SDK for signing in but have hub commands of their own.
        if not is_installed('jina'):
            return f'jina-hubble-sdk {version}', HubIO, get_main_parser()
    except ImportError:
        if not is_installed('jina'):
            raise
    give_protobuf_a_c_extension()
    from jina import __version__ as version
    from jina.hubble.hubio import HubIO
    from jina.parsers.hubble import set_hub_parser

    return f'jina {version}', HubIO, set_hub_parser()


def is_installed(module):
    from importlib.util import find_spec

    return find_spec(module) is not None


def hub_command(command, arguments):
    """The client's name, and a function that does what `jina hub COMMAND …` does but keeps what the client only prints."""
    name, client, parser = load_client()
    shown = []

    class Listening(client):
        def _prettyprint_result(self, *positional, **named):
            shown.extend(value for value in positional if isinstance(value, dict))
            return super()._prettyprint_result(*positional, **named)

    def run():
        returned = getattr(Listening(parser.parse_args([command, *arguments])), command)()
        return executor_of(shown[-1]) if shown else returned

    return name, run


def executor_of(answer):
    """The executor itself; jina 2.0 to 2.6 print it out of a list in the answer."""
    listed = answer.get('data', {}).get('executors')
    return listed[0] if listed else answer


def client_call(method, arguments='{}'):
    """The SDK's name, and a function that calls `hubble.Client` as a program would."""
    import hubble

    client = hubble.Client(max_retries=None, jsonify=True)
    return f'jina-hubble-sdk {hubble.__version__}', lambda: getattr(client, method)(**json.loads(arguments))


def auth_command(arguments):
    """The SDK's name, and a function that does what `jina auth …` does."""
    import hubble
    from hubble import api
    from hubble.parsers import get_main_parser

    parsed = get_main_parser().parse_args(arguments)
    return f'jina-hubble-sdk {hubble.__version__}', lambda: getattr(api, parsed.auth_cli)(parsed)


def login():
    """The SDK's name, and a function that signs in as a program does and tells who that was."""
    import hubble

    def run():
        hubble.login()
        return hubble.Client(max_retries=None, jsonify=True).get_user_info()['data']

    return f'jina-hubble-sdk {hubble.__version__}', run


def command_line(command, arguments):
    """What to run for a command of this driver."""
    if command == 'client':
        return client_call(*arguments)
    if command == 'auth':
        return auth_command(arguments)
    if command == 'login':
        return login()
    return hub_command(command, arguments)


def ask_flow(uri, text):
    """What a Flow answers whose Executor comes from the Hub: the way most people use one."""
    from docarray import DocList
    from docarray.documents import TextDoc
    from jina import Flow

    with Flow().add(uses=uri) as flow:
        answer = flow.post('/greet', inputs=DocList[TextDoc]([TextDoc(text=text)]), return_type=DocList[TextDoc])
        return answer[0].text


def main(command, *arguments):
    registry = os.environ.get('JINA_HUBBLE_REGISTRY')
    if not registry:
        sys.exit('drive.py: JINA_HUBBLE_REGISTRY must name the Hub')
    if os.environ.get('HOME', '') in ('', pwd.getpwuid(os.getuid()).pw_dir):
        sys.exit("drive.py: HOME must be a folder of the test's own")
    # Pulls of jina 2.x and 3.0 expect what an earlier command would have left.
    for folder in (os.path.join(os.environ['HOME'], '.jina'), os.environ.get('JINA_HUB_ROOT'), os.environ.get('JINA_HUB_CACHE_DIR')):
        if folder:
            os.makedirs(folder, exist_ok=True)
    # Panels are cut to the terminal's width, and with them the ids and secrets that a test may look for.
    os.environ.setdefault('COLUMNS', '200')
    os.environ.setdefault('JINA_OPTOUT_TELEMETRY', '1')
    engine = urlsplit(os.environ.get('DOCKER_HOST', '')).hostname
    # A Flow listens on every address of this machine and looks that up like a host.
    allow_only({urlsplit(registry).hostname, engine, 'localhost', '::1', '0.0.0.0'})

    name = 'unknown'
    try:
        if command == 'flow':
            name, run = 'jina', lambda: ask_flow(*arguments)
        else:
            name, run = command_line(command, arguments)
        report = {'ok': True, 'client': name, 'result': run()}
    # A wrong argument ends the parser with SystemExit; that is an outcome like any other here.
    except (Exception, SystemExit) as error:
        report = {'ok': False, 'client': name, 'type': type(error).__name__, 'error': str(error)}
    sys.stderr.flush()
    print('\n' + json.dumps(report, default=str), flush=True)
    return 0 if report['ok'] else 1


if __name__ == '__main__':
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
