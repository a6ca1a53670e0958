"""A Hub of two dozen lines that records what clients send and answers each generation with the least it accepts.

It exists to prove that `drive.py` and the environments work without the real Hub; it checks nothing.
`serve()` starts it on a free port and gives back its address and the growing list of requests.
"""

import hashlib
import io
import json
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

EXECUTOR = {
    'id': 'w7qckiqy', 'name': 'Hello', 'alias': 'Hello', 'secret': 'stub-secret', 'visibility': 'public',
    'owner': {'name': 'alice'}, 'commit': {'id': 'c1', 'tags': ['latest']},
}
TASK = {'code': 202, 'status': 20200, 'data': {'_id': 'task1'}}


def package():
    """The zip that pulls download."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, 'w') as archive:
        archive.writestr('config.yml', 'jtype: Hello\nmetas:\n  name: Hello\n')
        archive.writestr('executor.py', 'class Hello: pass\n')
    return buffer.getvalue()


def answers(base, zipped):
    """What each path answers: one JSON object a line."""
    links = {'download': f'{base}/package.zip', 'md5': hashlib.md5(zipped).hexdigest(), 'containers': ['stub/image']}
    done = {'type': 'complete', 'subject': 'commitSave', 'message': 'done', 'payload': EXECUTOR}
    report = {'type': 'report', 'status': 'succeeded', 'result': EXECUTOR}
    stream = [{'type': 'start', 'subject': 'buildWorkspace', 'payload': ''}, done]
    rpc = {
        'executor.create': stream, 'executor.update': stream, 'executor.push': stream,
        'executor.createAsync': [TASK], 'executor.updateAsync': [TASK], 'executor.queryProgress': [report],
        'executor.listAsyncTasks': [{'code': 200, 'data': [{'_id': 'task1'}]}],
        'executor.getPackage': [{'code': 200, 'data': {**EXECUTOR, 'package': links}}],
        'user.identity.whoami': [{'code': 200, 'status': 20000, 'data': {'_id': 'u1', 'name': 'alice', 'nickname': 'Alice'}}],
    }
    legacy = {'result': {'statusCode': 201, 'message': 'ok', 'data': {'executors': [EXECUTOR]}}}
    found = {**EXECUTOR, 'sn': 1, 'tag': 'latest', 'image': 'stub/image', 'package': links}
    return {**{f'/v2/rpc/{method}': lines for method, lines in rpc.items()}, '/v1/executors': [legacy], '/v1/executors/Hello/': [found]}


def serve():
    """Starts the stub in a thread; returns its address and the list of (method, path, headers, body)."""
    requests, zipped = [], package()

    class Stub(BaseHTTPRequestHandler):
        def answer(self):
            body = self.rfile.read(int(self.headers.get('Content-Length') or 0))
            requests.append((self.command, self.path, dict(self.headers), body))
            path = self.path.split('?')[0]
            if path == '/package.zip':
                return self.send(200, zipped)
            lines = table.get(path)
            text = ''.join(json.dumps(line) + '\n' for line in lines or [{'code': 404, 'status': 40402, 'message': f'no {path}'}])
            self.send(200 if lines else 404, text.encode())

        def send(self, status, content):
            self.send_response(status)
            self.send_header('Content-Type', 'application/json')
            self.send_header('Content-Length', str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = answer

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(('127.0.0.1', 0), Stub)
    base = f'http://127.0.0.1:{server.server_port}'
    table = answers(base, zipped)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return base, requests
