"""Does the Hub tell a build's story to as many followers as nginx's nchan, every line once and in order? One program reads
both, in rounds that take turns. Exit status 1 when a goal is missed."""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

from packages import pack
from servers import Hub, Server
import uploads

GOAL = 1.2
# Seconds after which a reader that takes nothing is cut.
PATIENCE = 3

NCHAN = """\
{user}
worker_processes auto;
worker_rlimit_nofile 20000;
load_module {module};
pid {folder}/pid;
error_log {folder}/error.log;
events {{ worker_connections 8192; }}
http {{
    access_log off;
    keepalive_requests 10000000;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    nchan_shared_memory_size 256M;
    server {{
        listen 127.0.0.1:{port};
        location = /ready {{ return 200; }}
        location ~ ^/pub/(\\w+)$ {{
            nchan_publisher;
            nchan_channel_id $1;
            nchan_message_buffer_length 100000;
        }}
        location ~ ^/sub/(\\w+)$ {{
            nchan_subscriber http-raw-stream;
            nchan_subscriber_http_raw_stream_separator "\\n";
            nchan_subscriber_first_message newest;
            nchan_channel_id $1;
        }}
    }}
}}
"""


class Nchan(Server):
    name = 'nchan'
    ready_path = '/ready'
    module = None

    def command(self):
        configuration = self.folder / 'nginx.conf'
        user = 'user root;' if os.geteuid() == 0 else ''
        configuration.write_text(
            NCHAN.format(folder=self.folder, port=self.port, module=self.module, user=user))
        return ['/usr/sbin/nginx', '-c', str(configuration), '-g', 'daemon off;']


class WaitingHub(Hub):
    """A Hub whose builds wait for a worker: the load program is one."""

    def environment(self):
        settings = {'HUB_BUILDS__MODE': 'required', 'HUB_BUILDS__SLOTS': '0',
                    'HUB_SERVER__READ_TIMEOUT': f'{PATIENCE}s'}
        return {**super().environment(), **settings}


def push(hub, number):
    """A task that waits for a worker."""
    package = pack(hub.folder / f'{number}.zip', f'Follow{number}', 100)
    form = uploads.field('md5sum', package.md5) + uploads.field('public', 'True') + uploads.field('private', 'False')
    form += f'--{uploads.BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="package.zip"\r\n\r\n'
    body = form.encode() + package.path.read_bytes() + f'\r\n--{uploads.BOUNDARY}--\r\n'.encode()
    headers = {'Authorization': f'token {hub.token}',
               'Content-Type': f'multipart/form-data; boundary={uploads.BOUNDARY}'}
    status, _, answer = hub.call('POST', '/v2/rpc/executor.createAsync', body, headers)
    if status != 202:
        raise SystemExit(f'push: {status} {answer[:500]}')
    return json.loads(answer)['data']['_id']


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--hub', required=True, type=pathlib.Path, help='the program to measure')
    parser.add_argument('--load', required=True, type=pathlib.Path, help='the example bench_followers')
    parser.add_argument('--nchan', type=pathlib.Path, default='/usr/lib/nginx/modules/ngx_nchan_module.so')
    parser.add_argument('--followers', type=int, default=1000)
    parser.add_argument('--rate', type=int, default=500)
    parser.add_argument('--seconds', type=int, default=10)
    parser.add_argument('--turns', type=int, default=2)
    options = parser.parse_args()
    Hub.program = str(options.hub.resolve(strict=True))
    Nchan.module = options.nchan.resolve(strict=True)

    def load(*arguments):
        command = [str(options.load), *map(str, arguments)]
        return subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE).stdout.strip()

    with tempfile.TemporaryDirectory(prefix='executor-hub-bench-', dir='/var/tmp') as name:
        folder = pathlib.Path(name)
        folder.chmod(0o755)
        with WaitingHub(folder / 'hub') as hub, Nchan(folder / 'nchan') as nchan:
            hub.sign_up()
            idle = hub.memory('VmRSS')
            rounds = {'hub': [], 'nchan': []}
            plan = (options.followers, options.rate, options.seconds)
            for turn in range(options.turns):
                for who in ['hub', 'nchan'] if turn % 2 == 0 else ['nchan', 'hub']:
                    if who == 'hub':
                        rate = load('hub', hub.folder / 'data', f'127.0.0.1:{hub.port}', push(hub, turn), hub.token,
                                    *plan)
                    else:
                        rate = load('nchan', f'127.0.0.1:{nchan.port}', f'/sub/turn{turn}', *plan)
                    rounds[who].append(float(rate))
            peak = hub.memory('VmHWM')
            ours, theirs = (statistics.median(rounds[who]) for who in ('hub', 'nchan'))
            ratio = ours / theirs
            print(f'{options.followers} followers at {options.rate} lines/s: {ours:,.0f} lines/s, '
                  f'nchan {theirs:,.0f} lines/s, ratio {ratio:.2f} (goal {GOAL}) {"ok" if ratio >= GOAL else "MISSED"}')
            print(f'memory of the Hub: {idle:.0f} MiB idle, {peak:.0f} MiB at most, '
                  f'{(peak - idle) * 1024 / options.followers:.0f} KiB a follower')
            print(load('stall', hub.folder / 'data', f'127.0.0.1:{hub.port}', push(hub, 'Stall'), hub.token, PATIENCE + 3))
    return 0 if ratio >= GOAL else 1


if __name__ == '__main__':
    sys.exit(main())
