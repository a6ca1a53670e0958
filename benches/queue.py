"""Do workers take and complete tasks as fast as Postgres can? The Hub's own functions beside pgbench with the same
statements, in rounds that take turns, on one private Postgres of the Hub. Exit status 1 when a goal is missed."""

import argparse
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile

from servers import Hub

TASKS = 200_000
GOAL = 0.5

# Word for word what src/store/task_leases.rs sends, with pgbench's variables.
SCRIPT = """\
UPDATE tasks SET state = 'running', attempt = attempt + 1, lease_owner = :worker, lease_until = now() + interval '30 s',
                 started_at = COALESCE(started_at, now())
WHERE id = (SELECT id FROM tasks
            WHERE state = 'pending' AND run_after <= now()
              AND NOT EXISTS (SELECT 1 FROM queue_pause WHERE until_time IS NULL OR until_time > now())
              AND NOT EXISTS (SELECT 1 FROM workers WHERE id = :worker AND paused_until > now())
            ORDER BY turn, created_at LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING id AS task, attempt AS attempt \\gset
UPDATE tasks SET state = 'cancelled', failure = NULL, finished_at = now(), lease_owner = NULL, lease_until = NULL,
                 build_env = NULL
WHERE id = :task::uuid AND lease_owner = :worker AND attempt = :attempt AND state = 'running';
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--hub', required=True, type=pathlib.Path, help='the program that keeps the Postgres')
    parser.add_argument('--load', required=True, type=pathlib.Path, help='the example bench_queue')
    parser.add_argument('--seconds', type=int, default=5)
    parser.add_argument('--turns', type=int, default=3)
    options = parser.parse_args()
    Hub.program = str(options.hub.resolve(strict=True))
    missed = False
    with tempfile.TemporaryDirectory(prefix='executor-hub-bench-', dir='/var/tmp') as name:
        folder = pathlib.Path(name)
        folder.chmod(0o755)
        with Hub(folder / 'hub') as hub:
            data = str(hub.folder / 'data')

            def load(*arguments):
                command = [str(options.load), data, *map(str, arguments)]
                return subprocess.run(command, check=True, text=True, capture_output=True).stdout

            script = folder / 'claim.sql'
            # One worker a connection; pgbench numbers them.
            worker = "('00000000-0000-0000-0000-' || lpad((:client_id + 1)::text, 12, '0'))::uuid"
            script.write_text(SCRIPT.replace(':worker', worker))
            socket, port, user, database = load('where').split()
            for workers in (8, 32):
                rounds = {'hub': [], 'pgbench': []}
                for turn in range(options.turns):
                    order = ['hub', 'pgbench'] if turn % 2 == 0 else ['pgbench', 'hub']
                    for who in order:
                        load('seed', TASKS)
                        if who == 'hub':
                            rate = float(load('run', workers, options.seconds))
                        else:
                            rate = pgbench(script, workers, options.seconds, socket, port, user, database)
                        rounds[who].append(rate)
                ours, theirs = (statistics.median(rounds[who]) for who in ('hub', 'pgbench'))
                ratio = ours / theirs
                missed |= ratio < GOAL
                print(f'claim and complete, {workers} workers: {ours:,.0f}/s, pgbench {theirs:,.0f}/s, '
                      f'ratio {ratio:.2f} (goal {GOAL}) {"ok" if ratio >= GOAL else "MISSED"}')
    return 1 if missed else 0


def pgbench(script, workers, seconds, socket, port, user, database):
    command = ['pgbench', '-n', '-M', 'prepared', '-f', script, '-c', str(workers), '-j', '2', '-T', str(seconds),
               '-h', socket, '-p', port, '-U', user, database]
    done = subprocess.run(command, check=True, text=True, capture_output=True)
    if 'ERROR' in done.stderr or 'aborted' in done.stderr:
        raise SystemExit(done.stderr[-2000:])
    return float(re.search(r'tps = ([\d.]+)', done.stdout)[1])


if __name__ == '__main__':
    sys.exit(main())
