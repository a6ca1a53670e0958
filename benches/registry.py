"""How does the registry of images do beside Debian's docker-registry? Manifests, lists of tags, large layers both ways, and
the memory that they take. Both get the same bytes in the same way."""

import http.client
import json
import time
import urllib.parse

from load import requests_per_second
from metrics import GIGABYTE, MANIFEST, Row, blob, note
from packages import STEP, Package, pack
from servers import Hub, Registry
from uploads import exchange, push

MEBIBYTE = 1 << 20
LAYER_BYTES = 1 << 30
TAGS = 10_000
REPOSITORY = 'bench/box'
CONFIG = b'{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}'


def authorization(server):
    return {'Authorization': f'Bearer {server.token}'} if getattr(server, 'token', None) else {}


def ready(bench, name):
    """Both servers, with an Executor on the Hub whose repository is used."""
    place = bench.place(name)
    hub, registry = Hub(place / 'hub'), Registry(place / 'registry')
    return place, hub, registry


def make_executor(hub, place):
    hub.sign_up()
    push(hub, pack(place / 'package.zip', 'Box', STEP))


def put_layer(server, layer):
    """Asks for a place and sends all bytes there at once; gives seconds."""
    lines = ''.join(f'{name}: {value}\r\n' for name, value in authorization(server).items())
    head = f'Host: 127.0.0.1:{server.port}\r\n{lines}Connection: close\r\n'
    begun = time.perf_counter()
    ask = f'POST /v2/{REPOSITORY}/blobs/uploads/ HTTP/1.1\r\n{head}Content-Length: 0\r\n\r\n'
    status, headers, body = exchange(server.port, ask.encode())
    assert status == 202, body
    place = urllib.parse.urlsplit(headers['Location'])
    joint = '&' if place.query else '?'
    path = f'{place.path}?{place.query}' if place.query else place.path
    ask = (
        f'PUT {path}{joint}digest=sha256:{layer.sha256} HTTP/1.1\r\n{head}'
        f'Content-Type: application/octet-stream\r\nContent-Length: {layer.size}\r\n\r\n'
    )
    status, _, body = exchange(server.port, ask.encode(), layer.path)
    seconds = time.perf_counter() - begun
    assert status == 201, body
    return seconds


def get_layer(server, layer):
    """Fetches a layer and throws it away; gives seconds."""
    begun = time.perf_counter()
    connection = http.client.HTTPConnection('127.0.0.1', server.port, timeout=300)
    connection.request('GET', f'/v2/{REPOSITORY}/blobs/sha256:{layer.sha256}', headers=authorization(server))
    answer = connection.getresponse()
    assert answer.status == 200, answer.read()
    buffer, count = bytearray(MEBIBYTE), 0
    while read := answer.readinto(buffer):
        count += read
    connection.close()
    assert count == layer.size, count
    return time.perf_counter() - begun


def put_image(server, place, tags):
    """A small image under each of these tags."""
    config = place / 'config.json'
    config.write_bytes(CONFIG)
    config = Package(config)
    put_layer(server, config)
    manifest = {
        'schemaVersion': 2,
        'mediaType': MANIFEST,
        'config': blob('application/vnd.docker.container.image.v1+json', config),
        'layers': [],
    }
    body = json.dumps(manifest)
    for tag in tags:
        status, _, answer = server.call(
            'PUT', f'/v2/{REPOSITORY}/manifests/{tag}', body, {'Content-Type': MANIFEST, **authorization(server)}
        )
        assert status == 201, answer


def manifest(bench):
    """Fetching a manifest by its tag."""
    place, hub, registry = ready(bench, 'manifest')
    with hub, registry:
        make_executor(hub, place)
        for server in (hub, registry):
            put_image(server, place, ['one'])

        def ask(server):
            url = f'http://127.0.0.1:{server.port}/v2/{REPOSITORY}/manifests/one'
            return requests_per_second(url, bench.seconds, headers=[('Accept', MANIFEST)])

        ours, theirs = bench.rounds('manifest', lambda: ask(hub), lambda: ask(registry))
    yield Row('image manifest by tag, 16 connections', 'req/s', ours, 5, True, theirs, Registry.name)


def tags(bench):
    """Listing ten thousand tags, whole."""
    place, hub, registry = ready(bench, 'tags')
    with hub, registry:
        make_executor(hub, place)
        names = [f'tag-{number}' for number in range(TAGS)]
        for server in (hub, registry):
            put_image(server, place, names)
        path = f'/v2/{REPOSITORY}/tags/list'
        for server in (hub, registry):
            status, _, body = server.call('GET', path)
            assert status == 200 and sorted(json.loads(body)['tags']) == sorted(names), body[:200]

        def ask(server):
            return requests_per_second(f'http://127.0.0.1:{server.port}{path}', bench.seconds)

        ours, theirs = bench.rounds('tags', lambda: ask(hub), lambda: ask(registry))
    yield Row('list of 10,000 image tags', 'req/s', ours, 7, True, theirs, Registry.name)


def layers(bench):
    """Pushing and pulling a layer of 1 GiB, and the most memory that it takes."""
    place, hub, registry = ready(bench, 'layers')
    with hub, registry:
        make_executor(hub, place)
        source = Package(write_random(place / 'layer', LAYER_BYTES))
        turn = iter(range(1000))

        def fresh():
            # Other bytes each time: what a server has already costs it nothing.
            with open(source.path, 'r+b') as file:
                file.write(next(turn).to_bytes(8, 'big'))
            return Package(source.path)

        def send(server):
            layer = fresh()
            seconds = put_layer(server, layer)
            server.layer = layer.sha256
            return layer.size / seconds / GIGABYTE

        ours, theirs = bench.rounds('push of a layer', lambda: send(hub), lambda: send(registry))
        yield Row('push of a 1 GiB layer', 'GB/s', ours, 1.1, True, theirs, Registry.name)

        def fetch(server):
            layer = Package.__new__(Package)
            layer.sha256, layer.size = server.layer, LAYER_BYTES
            return layer.size / get_layer(server, layer) / GIGABYTE

        ours, theirs = bench.rounds('pull of a layer', lambda: fetch(hub), lambda: fetch(registry))
        yield Row('pull of a 1 GiB layer', 'GB/s', ours, 1, True, theirs, Registry.name)
        ours, theirs = hub.memory('VmHWM'), registry.memory('VmHWM')
        note(f'most memory: hub {ours:.0f} MiB, docker-registry {theirs:.0f} MiB')
        yield Row('most memory of both', 'MiB', ours, 1.5, False, theirs, Registry.name)


def write_random(path, size):
    with open('/dev/urandom', 'rb') as source, open(path, 'wb') as file:
        for _ in range(0, size, MEBIBYTE):
            file.write(source.read(MEBIBYTE))
    return path


REGISTRY_METRICS = {'manifest': manifest, 'tags': tags, 'layers': layers}
