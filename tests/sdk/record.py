"""Records what a real client and a running Hub say to each other, as text that tests replay.

    python3 record.py flows CLIENT                    the names of its flows, one a line
    python3 record.py record CLIENT FLOW HUB CLIENTS FILE [NAME=TOKEN…]

HUB is the address of a fresh Hub, CLIENTS what scripts/python-clients.sh prints, FILE what is written; each NAME such as
`token-of-alice` stands for its TOKEN in flows.py and in the file. scripts/record-wire.sh calls this for every client.

A proxy of this script's stands between the two. What differs from run to run is written as a name in braces: what an answer
teaches (`{id-1}`, `{secret-1}`, `{token-1}`, `{download-1}`), what only has a form (`{date}`, `{minute}`, `{uuid}`, `{number}`,
`{any}`), and `{hub}`, `{length}`, `{zip-FOLDER}` for the zip of `tests/wire/packages/FOLDER` and `{zip-FOLDER-md5}`. Facts about the
machine in the request headers become constants. `> ` and `< ` stand before the lines of requests and answers; a multipart
body's line ends are CR LF, everybody else's LF.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

from flows import flows

HERE = Path(__file__).parent
PACKAGES = HERE.parent / 'wire' / 'packages'
BOUNDARY = '0123456789abcdef0123456789abcdef'
HOP_BY_HOP = {'connection', 'keep-alive', 'transfer-encoding', 'content-length', 'date'}
# Facts about the recording machine, and what is written instead.
MACHINE = {
    'jinameta-uid': '2485377892357', 'jinameta-session-id': '5b0f4d9c-0000-11ee-8000-0242ac120002',
    'jinameta-uptime': '2023-01-01T00:00:00.000000', 'jinameta-platform-release': '6.1.0',
    'jinameta-platform-version': '#1 SMP', 'jinameta-architecture': 'x86_64', 'jinameta-processor': '',
    'jina_hub_root': '/home/alice/jina', 'jina_hub_cache_dir': '/home/alice/cache',
}
# Old answers tell a commit's id only in the name of its image.
IMAGE = re.compile(r'\w+:commit-([0-9a-f]{32})')
UUID = re.compile(r'[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}')
# Members of answers that are another number or text each time; the whole value becomes the name.
VOLATILE = [
    (re.compile(r'"requestId":"[0-9a-f]+"'), '"requestId":"{any}"'),
    (re.compile(r'"sn":\d{10,}'), '"sn":"{number}"'),
    (re.compile(r'"dt":\d+'), '"dt":"{number}"'),
    (re.compile(r'sha256:[0-9a-f]{64}'), 'sha256:{any}'),
    (re.compile(r'\d{4}-\d\d-\d\d \d\d:\d\d UTC'), '{minute} UTC'),
]
# Headers of every answer that mean nothing to these clients.
UNREAD = {'date', 'x-request-id', 'x-content-type-options', 'referrer-policy', 'x-frame-options'}
DATE = re.compile(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)')
# Members whose values an answer teaches; ids are named after what they are ids of.
TAUGHT = {'secret', 'token', 'md5', 'sha256'}


class Memory:
    """The values that have got a name, and their names."""

    def __init__(self, known):
        self.names = {value: name for name, value in known.items()}
        self.counts = {}

    def learn(self, kind, value):
        if value not in self.names and len(value) >= 6:
            self.counts[kind] = self.counts.get(kind, 0) + 1
            self.names[value] = f'{kind}-{self.counts[kind]}'

    def learn_from(self, answer, method, parent=''):
        """Takes what is to be learnt out of an answer's JSON."""
        if isinstance(answer, list):
            for item in answer:
                self.learn_from(item, method, parent)
        if not isinstance(answer, dict):
            return
        for key, value in answer.items():
            if not isinstance(value, str):
                self.learn_from(value, method, key)
            elif key == 'executor':
                self.learn('id', value)
            elif key in ('id', '_id'):
                self.learn(kind_of_id(method, parent), value)
            elif key == 'download':
                self.learn(key, urlsplit(value)._replace(scheme='', netloc='').geturl())
            elif key in TAUGHT:
                self.learn(key, value)

    def name(self, text):
        """The text with names in place of values, the longest first."""
        for value, name in sorted(self.names.items(), key=lambda item: -len(item[0])):
            text = text.replace(value, '{' + name + '}')
        return text

    def fill(self, text):
        """The text with values in place of names."""
        for value, name in self.names.items():
            text = text.replace('{' + name + '}', value)
        return text


def kind_of_id(method, parent):
    if parent in ('commit', 'owner', 'user'):
        return parent
    for word, kind in (('artifact.', 'artifact'), ('pat.', 'pat'), ('user.', 'user'), ('Async', 'task')):
        if word in method:
            return kind
    return 'id'


class Recorder:
    """A proxy before a Hub that keeps every exchange."""

    def __init__(self, hub, memory):
        self.hub = urlsplit(hub).netloc
        self.memory = memory
        self.packages = []
        self.exchanges = []
        self.download = None
        self.lock = threading.Lock()
        recorder = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = 'HTTP/1.1'

            def handle_one_request(self):
                self.raw_requestline = self.rfile.readline(65537)
                if not self.raw_requestline or not self.parse_request():
                    self.close_connection = True
                    return
                recorder.pass_on(self)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(('127.0.0.1', 0), Handler)
        self.server.daemon_threads = True
        self.address = f'127.0.0.1:{self.server.server_address[1]}'
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def pass_on(self, handler):
        headers = list(handler.headers.raw_items())
        is_chunked = handler.headers.get('Transfer-Encoding', '').lower() == 'chunked'
        body = read_chunks(handler.rfile) if is_chunked else handler.rfile.read(int(handler.headers.get('Content-Length') or 0))
        upstream = HTTPConnection(self.hub, timeout=120)
        upstream.putrequest(handler.command, handler.path, skip_host=True, skip_accept_encoding=True)
        for name, value in headers:
            if name.lower() not in HOP_BY_HOP:
                upstream.putheader(name, value.replace(self.address, self.hub))
        if body or 'Content-Length' in handler.headers or is_chunked:
            upstream.putheader('Content-Length', str(len(body)))
        upstream.endheaders(body)
        answer = upstream.getresponse()
        content = answer.read()
        if handler.path.endswith(('.createAsync', '.updateAsync')) and answer.status == 202:
            self.wait_for(json.loads(content)['data']['_id'], handler.headers.get('Authorization'))
        with self.lock:
            shown = content.replace(self.hub.encode(), self.address.encode())
            self.keep(handler, headers, body, answer, content)
        handler.wfile.write(f'HTTP/1.1 {answer.status} {answer.reason}\r\n'.encode())
        length = str(len(shown)) if handler.command != 'HEAD' else answer.getheader('Content-Length', '0')
        for name, value in answer.getheaders():
            if name.lower() not in HOP_BY_HOP:
                handler.wfile.write(f'{name}: {value.replace(self.hub, self.address)}\r\n'.encode())
        handler.wfile.write(f'Content-Length: {length}\r\n\r\n'.encode() + shown)
        upstream.close()

    def wait_for(self, task, authorization):
        """Waits for the end of a build, so that what a client is told next does not depend on how fast the Hub is."""
        connection = HTTPConnection(self.hub, timeout=120)
        headers = {'Content-Type': 'application/json', 'Authorization': authorization}
        connection.request('POST', '/v2/rpc/executor.queryProgress', json.dumps({'id': task}), headers)
        connection.getresponse().read()
        connection.close()

    def keep(self, handler, headers, body, answer, content):
        line = f'{handler.command} {handler.path} HTTP/1.1'
        boundary = re.search(r'boundary=([^;\s]+)', handler.headers.get('Content-Type', ''))
        said = self.request_body(body, boundary and boundary[1])
        lines = [self.hide(line)]
        for name, value in headers:
            value = self.hide(value)
            if name.lower() == 'content-length':
                value = '{length}'
            elif boundary:
                value = value.replace(boundary[1], BOUNDARY)
            constant = MACHINE.get(name.lower(), value)
            lines.append(f'{name}: {value if value == "(unset)" else constant}')
        request = lines + ([''] + said.split('\n') if said else [])
        answered, heads = self.answer_body(content, handler), []
        for name, value in answer.getheaders():
            if name.lower() in UNREAD:
                continue
            if name.lower() == 'content-length':
                value = '{length}'
            elif name.lower() in ('etag', 'content-range'):
                value = re.sub(r'"[^"]*"', '"{any}"', re.sub(r'-\d+/\d+$', '-{number}/{number}', value))
            heads.append(f'{name}: {self.hide(value)}')
        response = [f'HTTP/1.1 {answer.status} {answer.reason}', *heads]
        response += [''] + answered.split('\n') if answered else []
        self.exchanges.append([f'> {line}' if line else '>' for line in request] +
                              [f'< {line}' if line else '<' for line in response])

    def request_body(self, body, boundary):
        if not boundary:
            return self.hide(body.decode())
        if zipped := zip_in(body):
            name = f'zip-{self.packages[-1]}'
            self.memory.names.setdefault(hashlib.md5(zipped).hexdigest(), f'{name}-md5')
            body = body.replace(zipped, b'{%s}' % name.encode())
        text = body.decode()
        assert '\n' not in text.replace('\r\n', ''), 'a lone LF in a multipart body cannot be written down'
        return self.hide(text.replace('\r\n', '\n').replace(boundary, BOUNDARY))

    def answer_body(self, content, handler):
        try:
            text = content.decode()
        except UnicodeDecodeError:
            start = re.fullmatch(r'bytes=(\d+)-', handler.headers.get('Range', ''))
            self.download = self.download if start else content
            name = self.memory.names[hashlib.md5(self.download).hexdigest()]
            assert self.download.endswith(content), 'an answer of other bytes'
            return '{bytes-of-%s-from-%s}' % (name, start[1] if start else 0)
        for commit in IMAGE.findall(text):
            self.memory.learn('commit', commit)
        method = handler.path.split('?')[0]
        for line in [text, *text.split('\n')]:
            try:
                self.memory.learn_from(json.loads(line), method)
            except ValueError:
                continue
        return self.hide(text)

    def hide(self, text):
        text = self.memory.name(text.replace(self.hub, '{hub}').replace(self.address, '{hub}'))
        for pattern, name in VOLATILE:
            text = pattern.sub(name, text)
        return DATE.sub('{date}', UUID.sub('{uuid}', text))


def zip_in(body):
    """The zip that is a part of this form: from its first header to the end of its last record, which has no comment."""
    start, end = body.find(b'PK\x03\x04'), body.rfind(b'PK\x05\x06')
    return body[start:end + 22] if 0 <= start < end else b''


def read_chunks(stream):
    body = b''
    while size := int(stream.readline().split(b';')[0], 16):
        body += stream.read(size)
        stream.readline()
    stream.readline()
    return body


def run(command, client, clients, recorder, homes):
    """Gives one command to the client, and insists that it ends as the flow says."""
    home = homes / command.home
    home.mkdir(exist_ok=True)
    for name, content in command.files.items():
        (home / name).write_text(content)
    folder = home / 'hello'
    if command.folder:
        # What the client remembers of a folder lies in hidden files in it.
        shutil.copytree(PACKAGES / command.folder, folder, dirs_exist_ok=True)
        recorder.packages.append(command.folder)
    if command.resumes:
        plant_half_a_download(recorder, home)
    environment = {
        'PATH': os.environ['PATH'], 'HOME': str(home), 'JINA_HUB_ROOT': str(home / 'jina'),
        'JINA_HUB_CACHE_DIR': str(home / 'cache'), 'JINA_HUBBLE_REGISTRY': f'http://{recorder.address}', 'BROWSER': 'true',
    }
    if command.token:
        token = recorder.memory.fill('{%s}' % command.token.strip('{}'))
        token = command.token if token.startswith('{') else token
        if command.stored:
            (home / 'jina').mkdir(exist_ok=True)
            (home / 'jina' / 'config.json').write_text(json.dumps({'auth_token': token}))
        else:
            environment['JINA_AUTH_TOKEN'] = token
    arguments = [recorder.memory.fill(text).replace('{folder}', str(folder)).replace('{home}', str(home))
                 for text in command.arguments]
    python = Path(clients) / (command.client or client) / 'bin' / 'python'
    outcome = subprocess.run([python, HERE / 'drive.py', *arguments], env=environment, stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=180)
    report = json.loads(outcome.stdout.strip().splitlines()[-1])
    if command.works is not None and report['ok'] != command.works:
        sys.exit(f'{client}: {command.arguments} should {"work" if command.works else "fail"}:\n{outcome.stdout}')


def plant_half_a_download(recorder, home):
    """As a download leaves it that broke off; old and new clients keep it at different places."""
    named = {name: value for value, name in recorder.memory.names.items()}
    for cache in ('cache', '.cache/jina', '.cache/hubble', '.cache/hubble.executor'):
        (home / cache).mkdir(parents=True, exist_ok=True)
        file = home / cache / f'{named["id-1"]}-{hashlib.md5(recorder.download).hexdigest()}.zip'
        file.write_bytes(recorder.download[:100])


def record(client, flow, hub, clients, file, *known):
    recorder = Recorder(hub, Memory(dict(pair.split('=', 1) for pair in known)))
    text = [f'# What {client} and the Hub say to each other: {flow}. Recorded by scripts/record-wire.sh.']
    with tempfile.TemporaryDirectory() as homes:
        for command in flows(client)[flow]:
            before = len(recorder.exchanges)
            run(command, client, clients, recorder, Path(homes))
            words = ' '.join(command.arguments).replace('{folder}', command.folder or '')
            text += ['', f'# {command.client or client}, {command.home}: {words}']
            for number, lines in enumerate(recorder.exchanges[before:], before + 1):
                text += ['', f'= {number}', *lines]
    Path(file).parent.mkdir(parents=True, exist_ok=True)
    Path(file).write_text('\n'.join(text) + '\n')


if __name__ == '__main__':
    if len(sys.argv) == 3 and sys.argv[1] == 'flows':
        print('\n'.join(flows(sys.argv[2])))
    elif len(sys.argv) >= 7 and sys.argv[1] == 'record':
        record(*sys.argv[2:])
    else:
        sys.exit(__doc__)
