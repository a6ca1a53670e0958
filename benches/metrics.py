"""What is measured, and what is good enough? One function for each metric; each starts the servers that it needs, checks
that they answer alike, and ends with rows of the table."""

import dataclasses
import hashlib
import json
import os
import statistics
import sys
import time

from load import requests_per_second
from packages import Package, pack, variant
from servers import Bare, Hub, Nginx, Registry
from uploads import push, put_blob

MANIFEST = 'application/vnd.docker.distribution.manifest.v2+json'
MEGABYTE = 1_000_000
GIGABYTE = 1_000_000_000
IDLE_SECONDS = 3


@dataclasses.dataclass
class Row:
    """A line of the table. The ratio is hub / peer; without a peer the Hub's own figure is held against the goal."""

    metric: str
    unit: str
    hub: float
    goal: float
    at_least: bool
    peer: float | None = None
    peer_name: str = ''

    @property
    def judged(self):
        return self.hub / self.peer if self.peer else self.hub

    @property
    def is_met(self):
        return self.judged >= self.goal if self.at_least else self.judged <= self.goal


@dataclasses.dataclass
class Bench:
    """What every metric needs: a folder, and how long and how often to measure."""

    folder: object
    seconds: int
    turns: int

    def place(self, name):
        path = self.folder / name
        path.mkdir(parents=True)
        return path

    def rounds(self, name, hub, peer):
        """A round of each that does not count, then hub, peer, peer, hub, and again: a machine that slowly gets busier
        or quieter treats both alike. Gives the medians."""
        figures = {'hub': [], 'peer': []}
        for turn in range(self.turns + 1):
            for who in ('hub', 'peer', 'peer', 'hub') if turn else ('hub', 'peer'):
                # What the last round left to be written shall not be this one's to wait for.
                os.sync()
                figure = (hub if who == 'hub' else peer)()
                if turn:
                    figures[who].append(figure)
        for who, found in figures.items():
            note(f'{name}, {who}: ' + ' '.join(f'{figure:.4g}' for figure in found))
        return statistics.median(figures['hub']), statistics.median(figures['peer'])


def note(text):
    print(text, file=sys.stderr, flush=True)


def resolve(bench):
    """Resolving a package by its name, beside fetching a manifest by its tag, beside the same JSON as a file, and beside
    a bare handler with one query."""
    place = bench.place('resolve')
    with Hub(place / 'hub') as hub, Registry(place / 'registry') as registry, Nginx(place / 'nginx') as nginx:
        hub.sign_up()
        package = pack(place / 'package.zip', 'Resolved', MEGABYTE)
        push(hub, package)
        question = json.dumps({'id': 'bench/Resolved', 'include': ['code']})
        status, _, body = hub.call(
            'POST', '/v2/rpc/executor.getPackage', question, {'Content-Type': 'application/json'}
        )
        found = json.loads(body)['data']['package']
        assert status == 200 and len(found['sha256']) == 64, body
        (nginx.files / 'answer.json').write_bytes(body)
        put_manifest(registry, package, place)
        manifest = '/v2/bench/executor/manifests/latest'
        status, _, kept = registry.call('GET', manifest, headers={'Accept': MANIFEST})
        assert status == 200 and package.sha256 in kept.decode(), kept

        def ask_hub():
            url = f'http://127.0.0.1:{hub.port}/v2/rpc/executor.getPackage'
            return requests_per_second(url, bench.seconds, question)

        def ask_registry():
            url = f'http://127.0.0.1:{registry.port}{manifest}'
            return requests_per_second(url, bench.seconds, headers=[('Accept', MANIFEST)])

        def ask_nginx():
            return requests_per_second(f'http://127.0.0.1:{nginx.port}/answer.json', bench.seconds)

        ours, theirs = bench.rounds('resolve', ask_hub, ask_registry)
        yield Row('resolve by name, 16 connections', 'req/s', ours, 5, True, theirs, Registry.name)
        ours, theirs = bench.rounds('resolve, beside a file', ask_hub, ask_nginx)
        yield Row('… beside the answer as a file', 'req/s', ours, 0.5, True, theirs, Nginx.name)
        if Bare.program is None:
            note('resolve, beside a bare handler: left out, no --bare')
            return
        with Bare(place / 'bare', hub, json.loads(body)['data']['id']) as bare:

            def ask_bare():
                return requests_per_second(f'http://127.0.0.1:{bare.port}/', bench.seconds, question)

            ours, theirs = bench.rounds('resolve, beside a bare handler', ask_hub, ask_bare)
        yield Row('… beside a bare handler with one query', 'req/s', ours, 0.8, True, theirs, Bare.name)


def put_manifest(registry, package, place):
    config = place / 'config.json'
    config.write_text('{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}')
    config = Package(config)
    put_blob(registry, config)
    put_blob(registry, package)
    manifest = {
        'schemaVersion': 2,
        'mediaType': MANIFEST,
        'config': blob('application/vnd.docker.container.image.v1+json', config),
        'layers': [blob('application/vnd.docker.image.rootfs.diff.tar.gzip', package)],
    }
    body = json.dumps(manifest, indent=3)
    status, _, answer = registry.call(
        'PUT', '/v2/bench/executor/manifests/latest', body, {'Content-Type': MANIFEST}
    )
    assert status == 201, answer


def blob(media_type, package):
    return {'mediaType': media_type, 'size': package.size, 'digest': f'sha256:{package.sha256}'}


def download(bench):
    """Downloading 1 MB from a signed address, beside the same bytes as a file of nginx."""
    place = bench.place('download')
    with Hub(place / 'hub') as hub, Nginx(place / 'nginx') as nginx:
        hub.sign_up()
        push(hub, pack(place / 'package.zip', 'Downloaded', MEGABYTE))
        path = download_path(hub, 'bench/Downloaded')
        status, _, body = hub.call('GET', path)
        assert status == 200
        (nginx.files / 'package.zip').write_bytes(body)
        _, _, theirs = nginx.call('GET', '/package.zip')
        assert hashlib.md5(body).digest() == hashlib.md5(theirs).digest()

        def rate(server, path):
            url = f'http://127.0.0.1:{server.port}{path}'
            return requests_per_second(url, bench.seconds) * len(body) / MEGABYTE

        ours, theirs = bench.rounds(
            'download 1 MB', lambda: rate(hub, path), lambda: rate(nginx, '/package.zip')
        )
    yield Row('download 1 MB, 16 connections', 'MB/s', ours, 0.95, True, theirs, Nginx.name)


def download_path(hub, name):
    question = json.dumps({'id': name, 'include': ['code']})
    _, _, body = hub.call('POST', '/v2/rpc/executor.getPackage', question, {'Content-Type': 'application/json'})
    address = json.loads(body)['data']['package']['download']
    return address.split(f':{hub.port}', 1)[1]


def upload(bench):
    """Pushing 100 MB until it is checked, repacked, synced and committed, beside an upload of the same bytes as a blob."""
    place = bench.place('upload')
    base = pack(place / 'base.zip', 'Pushed', 100 * MEGABYTE)
    with Hub(place / 'hub') as hub, Registry(place / 'registry') as registry:
        hub.sign_up()
        # Bytes that a server has already cost it less: every round has its own, the same for both.
        turns = {'hub': 0, 'peer': 0}

        def rate(who, send, server):
            turns[who] += 1
            package = variant(base, place / 'round.zip', str(turns[who]))
            return package.size / MEGABYTE / send(server, package)

        ours, theirs = bench.rounds(
            'push 100 MB', lambda: rate('hub', push, hub), lambda: rate('peer', put_blob, registry)
        )
    yield Row('push 100 MB', 'MB/s', ours, 1.2, True, theirs, Registry.name)


def memory_of_a_push(bench):
    """The most memory that a fresh Hub has had after one push."""
    peaks = []
    for size in (100 * MEGABYTE, GIGABYTE):
        folder = bench.place(f'memory/{size}')
        package = pack(folder / 'package.zip', 'Heavy', size)
        with Hub(folder / 'hub') as hub:
            hub.sign_up()
            seconds = push(hub, package)
            peaks.append(hub.memory('VmHWM'))
            note(f'peak memory after {size // MEGABYTE} MB in {seconds:.1f} s: {peaks[-1]:.1f} MiB')
        for file in (package.path, *(folder / 'hub' / 'data' / 'blobs').rglob('*.zip')):
            file.unlink()
    small, large = peaks
    yield Row('peak memory of a 1 GB push', 'MiB', large, 96, False)
    yield Row('… beside its 100 MB push', 'MiB', large, 1.1, False, small, 'hub, 100 MB')


def idle_memory(bench):
    """What the processes have in memory a moment after they became ready. The Hub's Postgres is not counted."""
    place = bench.place('idle')
    found = {'hub': [], 'peer': []}
    for turn in range(bench.turns):
        for who, server in (('hub', Hub), ('peer', Registry)):
            with server(place / f'{who}-{turn}') as running:
                time.sleep(IDLE_SECONDS)
                found[who].append(running.memory('VmRSS'))
    for who, values in found.items():
        note(f'idle memory, {who}: ' + ' '.join(f'{value:.1f}' for value in values))
    ours, theirs = (statistics.median(values) for values in found.values())
    yield Row('idle memory', 'MiB', ours, 1.2, False, theirs, Registry.name)


def start(bench):
    """From the start of the process to its first 200 of /readyz, over a data folder that has been used before."""
    hub = Hub(bench.place('start') / 'hub')
    with hub:
        pass
    found = []
    for _ in range(1 + 2 * bench.turns):
        with hub:
            found.append(hub.start_seconds)
    note('start to ready: ' + ' '.join(f'{seconds:.3f}' for seconds in found))
    yield Row('start to ready', 's', statistics.median(found), 0.5, False)


METRICS = {
    'resolve': resolve,
    'download': download,
    'push': upload,
    'memory': memory_of_a_push,
    'idle': idle_memory,
    'start': start,
}
