"""How are the Hub and its peers started for a measurement? Each on a free port of loopback, in a folder of its own."""

import http.client
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import time

START_SECONDS = 60
STOP_SECONDS = 30

REGISTRY = """\
version: 0.1
log:
  level: error
  accesslog:
    disabled: true
storage:
  cache:
    blobdescriptor: inmemory
  filesystem:
    rootdirectory: {folder}/storage
http:
  addr: 127.0.0.1:{port}
"""

# No access log, because neither of the others writes one; Debian's buffers and sendfile otherwise.
NGINX = """\
{user}
worker_processes auto;
pid {folder}/pid;
error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    keepalive_requests 10000000;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    default_type application/zip;
    server {{
        listen 127.0.0.1:{port};
        root {folder}/files;
    }}
}}
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]


class Server:
    """A process that answers on a port. `ready_path` answers 200 as soon as it would do its work."""

    name = 'server'
    ready_path = '/'

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.process = None

    def command(self):
        raise NotImplementedError

    def environment(self):
        return dict(os.environ)

    def start(self):
        """Starts it and waits until it is ready; gives the seconds that took."""
        command, environment = self.command(), self.environment()
        with open(self.folder / 'log', 'ab') as log:
            begun = time.perf_counter()
            self.process = subprocess.Popen(
                command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        while not self.is_ready():
            if self.process.poll() is not None or time.perf_counter() - begun > START_SECONDS:
                raise SystemExit(f'{self.name} did not start: {(self.folder / "log").read_text()[-2000:]}')
            time.sleep(0.002)
        return time.perf_counter() - begun

    def is_ready(self):
        try:
            connection = http.client.HTTPConnection('127.0.0.1', self.port, timeout=START_SECONDS)
            connection.request('GET', self.ready_path)
            ready = connection.getresponse().status == 200
            connection.close()
            return ready
        except (OSError, http.client.HTTPException):
            return False

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def memory(self, field):
        """A line of the process's status in MiB: VmRSS is what it has in memory now, VmHWM the most it ever had."""
        for line in pathlib.Path(f'/proc/{self.process.pid}/status').read_text().splitlines():
            if line.startswith(f'{field}:'):
                return int(line.split()[1]) / 1024
        raise KeyError(field)

    def call(self, method, path, body=None, headers=()):
        """One request; gives status, headers and body."""
        connection = http.client.HTTPConnection('127.0.0.1', self.port, timeout=60)
        connection.request(method, path, body, dict(headers))
        answer = connection.getresponse()
        result = answer.status, answer.headers, answer.read()
        connection.close()
        return result

    def __enter__(self):
        self.start_seconds = self.start()
        return self

    def __exit__(self, *_):
        self.stop()


class Hub(Server):
    """The Hub with a private Postgres and without an engine, and one person who may push."""

    name = 'hub'
    ready_path = '/readyz'
    program = None

    def __init__(self, folder):
        super().__init__(folder)
        # Postgres, which does not run as root, passes through here to its own folder.
        self.folder.chmod(0o755)
        self.token = None

    def environment(self):
        settings = {
            'HUB_SERVER__DATA_DIR': str(self.folder / 'data'),
            'HUB_BUILDS__MODE': 'off',
            # A long run uses one address from its first to its last round.
            'HUB_AUTH__DOWNLOAD_ADDRESS_LIFE': '1d',
        }
        return {**os.environ, **settings}

    def command(self):
        return [self.program, 'serve', '--listen', f'127.0.0.1:{self.port}']

    def ask(self, *command):
        done = subprocess.run(
            [self.program, *command], env=self.environment(), text=True, stdout=subprocess.PIPE
        )
        if done.returncode:
            raise SystemExit(f'{" ".join(command)} ended with {done.returncode}')
        return done.stdout

    def sign_up(self):
        """Makes a person, once for each data folder."""
        self.ask('user', 'create', 'bench')
        self.token = self.ask('token', 'create', 'bench').split()[-1]


class Bare(Server):
    """A bare axum handler with one query by primary key, over the Postgres of a Hub that runs."""

    name = 'bare axum handler'
    program = None

    def __init__(self, folder, hub, executor):
        super().__init__(folder)
        self.hub = hub
        self.executor = executor

    def command(self):
        return [self.program, str(self.hub.folder / 'data'), str(self.port), self.executor]


class Registry(Server):
    """Debian's docker-registry over a folder, with its packaged cache, without access log."""

    name = 'docker-registry'
    ready_path = '/v2/'

    def command(self):
        config = self.folder / 'config.yml'
        config.write_text(REGISTRY.format(folder=self.folder, port=self.port))
        return [shutil.which('docker-registry'), 'serve', str(config)]


class Nginx(Server):
    """nginx over a folder of files."""

    name = 'nginx'
    ready_path = '/ready'

    @property
    def files(self):
        return self.folder / 'files'

    def command(self):
        self.files.mkdir(exist_ok=True)
        (self.files / 'ready').write_text('ok')
        config = self.folder / 'nginx.conf'
        # As root its workers would become a user who cannot enter this folder.
        user = 'user root;' if os.geteuid() == 0 else ''
        config.write_text(NGINX.format(folder=self.folder, port=self.port, user=user))
        return ['/usr/sbin/nginx', '-c', str(config), '-g', 'daemon off;']
