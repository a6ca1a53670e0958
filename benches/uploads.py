"""How long does an upload take? From the first byte of the request to the last of the answer, over a raw socket, so that
the client costs next to nothing and both servers get their bytes in the same way."""

import http.client
import json
import socket
import time

BOUNDARY = 'bench-7d1f9c'


def field(name, text):
    return f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{text}\r\n'


def exchange(port, head, path=None, tail=b''):
    """Sends head, file and tail on a connection of its own and reads the answer; gives status, headers and body."""
    with socket.create_connection(('127.0.0.1', port), timeout=300) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(head)
        if path:
            with open(path, 'rb') as file:
                connection.sendfile(file)
        connection.sendall(tail)
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        return answer.status, answer.headers, answer.read()


def push(hub, package):
    """Pushes a package as an SDK does; gives seconds. The push must have ended with `complete`."""
    form = field('md5sum', package.md5) + field('public', 'True') + field('private', 'False')
    form += f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="package.zip"\r\n'
    form = (form + 'Content-Type: application/octet-stream\r\n\r\n').encode()
    tail = f'\r\n--{BOUNDARY}--\r\n'.encode()
    head = (
        f'POST /v2/rpc/executor.push HTTP/1.1\r\nHost: 127.0.0.1:{hub.port}\r\nAuthorization: token {hub.token}\r\n'
        f'Content-Type: multipart/form-data; boundary={BOUNDARY}\r\n'
        f'Content-Length: {len(form) + package.size + len(tail)}\r\nConnection: close\r\n\r\n'
    ).encode()
    begun = time.perf_counter()
    status, _, body = exchange(hub.port, head + form, package.path, tail)
    seconds = time.perf_counter() - begun
    last = json.loads(body.splitlines()[-1])
    if status != 200 or last.get('type') != 'complete':
        raise SystemExit(f'a push ended with {status}: {last}')
    return seconds


def put_blob(registry, package, repository='bench/executor'):
    """Uploads a file as one blob: a request for a place, then all bytes at once; gives seconds."""
    host = f'Host: 127.0.0.1:{registry.port}\r\nConnection: close\r\n'
    begun = time.perf_counter()
    ask = f'POST /v2/{repository}/blobs/uploads/ HTTP/1.1\r\n{host}Content-Length: 0\r\n\r\n'
    status, headers, _ = exchange(registry.port, ask.encode())
    if status != 202:
        raise SystemExit(f'docker-registry refuses an upload: {status}')
    place = headers['Location'].split(f':{registry.port}', 1)[1]
    head = (
        f'PUT {place}&digest=sha256:{package.sha256} HTTP/1.1\r\n{host}'
        f'Content-Type: application/octet-stream\r\nContent-Length: {package.size}\r\n\r\n'
    )
    status, _, _ = exchange(registry.port, head.encode(), package.path)
    seconds = time.perf_counter() - begun
    if status != 201:
        raise SystemExit(f'docker-registry refuses a blob: {status}')
    return seconds
