"""Does the Hub keep up with what it is compared to? Runs the metrics and prints a table of ratios; scripts/bench.sh sets
up what this needs. Exit status 1 when a goal is missed."""

import argparse
import os
import pathlib
import shutil
import sys
import tempfile

from metrics import METRICS as OF_PACKAGES
from metrics import Bench
from registry import REGISTRY_METRICS
from servers import Bare, Hub

METRICS = OF_PACKAGES | REGISTRY_METRICS

HEADINGS = ('metric', 'hub', 'peer', 'ratio', 'goal', '')


def cells(row):
    sign = '≥' if row.at_least else '≤'
    peer = f'{figure(row.peer, row.unit)} ({row.peer_name})' if row.peer else '-'
    ratio = f'{row.judged:.2f}x' if row.peer else '-'
    goal = f'{sign} {row.goal:g}x' if row.peer else f'{sign} {row.goal:g} {row.unit}'
    return row.metric, figure(row.hub, row.unit), peer, ratio, goal, 'ok' if row.is_met else 'MISSED'


def figure(value, unit):
    return f'{value:,.0f} {unit}' if value >= 100 else f'{value:.3g} {unit}'


def table(rows):
    lines = [HEADINGS, *map(cells, rows)]
    widths = [max(map(len, column)) for column in zip(*lines)]
    for line in lines:
        print('  '.join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip())


def load():
    return ' '.join(f'{average:.2f}' for average in os.getloadavg())


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--hub', required=True, type=pathlib.Path, help='the program to measure')
    parser.add_argument('--bare', type=pathlib.Path, help='the bare handler that resolving is held beside (bench_bare)')
    parser.add_argument('--quick', action='store_true', help='rounds of 2 seconds, and half as many')
    parser.add_argument('--only', action='append', choices=METRICS, help='one metric')
    parser.add_argument('--list', action='store_true', help='name the metrics and end')
    options = parser.parse_args()
    if options.list:
        print('\n'.join(METRICS))
        return 0
    Hub.program = str(options.hub.resolve(strict=True))
    if options.bare:
        Bare.program = str(options.bare.resolve(strict=True))
    before = load()
    folder = pathlib.Path(tempfile.mkdtemp(prefix='executor-hub-bench-', dir=os.environ.get('BENCH_DIR', '/var/tmp')))
    # The Hub's Postgres runs as another user when this runs as root.
    folder.chmod(0o755)
    rows = []
    try:
        bench = Bench(folder, seconds=2, turns=1) if options.quick else Bench(folder, seconds=5, turns=2)
        for name in options.only or METRICS:
            rows.extend(METRICS[name](bench))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    table(rows)
    # These are the bench's own as well: a load far above the number of cores before it began says that others worked too.
    print(f'\nload of the machine ({os.cpu_count()} cores): {before} before, {load()} after')
    return 0 if all(row.is_met for row in rows) else 1


if __name__ == '__main__':
    sys.exit(main())
