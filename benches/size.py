"""Do answers stay flat as the Hub grows? Seeds two Hubs, a small one and a large one, and prints how long the first page of
Recent, a page deep in the list and four searches take. Exit status 1 when a goal is missed.

    python3 benches/size.py --hub target/release/executor-hub [--executors 1000000]
"""

import argparse
import http.client
import json
import pathlib
import shutil
import statistics
import sys
import tempfile
import time

from servers import Hub

ROUNDS = 40
# Rounds before those that count.
WARM = 5
# Pages of a hundred before the deep one.
DEEP = 300
SMALL = 1_000
# A name, two words that are rare together, two that are common together, and the commonest of all.
SEARCHES = ('textknn101', 'hnsw postgres', 'clip encoder', 'data')
GOAL_FIRST_PAGE = 1.5
GOAL_DEEP_PAGE = 1.3
GOAL_SEARCH_MS = 25


class SeededHub(Hub):
    """A Hub with so many Executors."""

    def __init__(self, folder, executors):
        super().__init__(folder)
        self.executors = executors

    def seed(self):
        self.ask('seed', '--executors', str(self.executors), '--tags', '5')


class Reader:
    """One connection that stays open."""

    def __init__(self, hub):
        self.connection = http.client.HTTPConnection('127.0.0.1', hub.port, timeout=60)

    def get(self, path):
        self.connection.request('GET', path)
        answer = self.connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise SystemExit(f'{path}: {answer.status} {body[:500]}')
        return body

    def milliseconds(self, path):
        begun = time.perf_counter()
        self.get(path)
        return (time.perf_counter() - begun) * 1000

    def deep(self, pages):
        """The path of a page that so many pages come before."""
        cursor = ''
        for _ in range(pages):
            page = json.loads(self.get(f'/api/v1/executors?limit=100{cursor}'))
            if page['next_cursor'] is None:
                break
            cursor = f'&cursor={page["next_cursor"]}'
        return f'/api/v1/executors?{cursor[1:]}'


def medians(asked):
    """The median time of each request, in milliseconds. They take turns, so that a machine that gets busier or quieter treats
    all alike."""
    times = {name: [] for name in asked}
    for turn in range(WARM + ROUNDS):
        for name, (reader, path) in asked.items():
            took = reader.milliseconds(path)
            if turn >= WARM:
                times[name].append(took)
    return {name: statistics.median(found) for name, found in times.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--hub', required=True, type=pathlib.Path, help='the program to measure')
    parser.add_argument('--executors', type=int, default=1_000_000, help='of the large Hub')
    options = parser.parse_args()
    Hub.program = str(options.hub.resolve(strict=True))
    folder = pathlib.Path(tempfile.mkdtemp(prefix='executor-hub-size-', dir='/var/tmp'))
    folder.chmod(0o755)
    try:
        with SeededHub(folder / 'small', SMALL) as small, SeededHub(folder / 'large', options.executors) as large:
            for hub in (small, large):
                begun = time.perf_counter()
                hub.seed()
                print(f'{hub.executors:,} Executors seeded in {time.perf_counter() - begun:.0f} s', flush=True)
            few, many = Reader(small), Reader(large)
            pages = medians({
                'few': (few, '/api/v1/executors'),
                'first': (many, '/api/v1/executors'),
                'deep': (many, many.deep(DEEP)),
            })
            searches = medians({text: (many, '/api/v1/executors?q=' + text.replace(' ', '%20')) for text in SEARCHES})
            mistyped = medians({'': (many, '/api/v1/executors?q=emebdding%20serach')})['']
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    growth, depth, worst = pages['first'] / pages['few'], pages['deep'] / pages['first'], max(searches.values())
    print(f'first page of Recent  {pages["first"]:.2f} ms, {growth:.2f}x of {SMALL:,} Executors (goal <= {GOAL_FIRST_PAGE}x)')
    print(f'page deep in Recent   {pages["deep"]:.2f} ms, {depth:.2f}x of the first page (goal <= {GOAL_DEEP_PAGE}x)')
    for text, took in searches.items():
        print(f'search {text:15}{took:.2f} ms (goal <= {GOAL_SEARCH_MS} ms)')
    print(f'search, mistyped      {mistyped:.2f} ms')
    return 0 if growth <= GOAL_FIRST_PAGE and depth <= GOAL_DEEP_PAGE and worst <= GOAL_SEARCH_MS else 1


if __name__ == '__main__':
    sys.exit(main())
