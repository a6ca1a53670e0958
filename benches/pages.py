"""Is the portal's first page small and quick on a large Hub? Seeds one, and prints what a browser transfers for the first page
and how long the server takes for it. Exit status 1 when a goal is missed.

    python3 benches/pages.py --hub target/release/executor-hub [--executors 100000]
"""

import argparse
import pathlib
import re
import shutil
import sys
import tempfile
import time

from servers import Hub
from size import Reader, SeededHub

GOAL_BYTES = 100_000
GOAL_MS = 20
PAGES = ('/', '/?sort=trending', '/?sort=name', '/?q=clip%20encoder', '/?platform=linux%2Famd64')


def transferred(reader, page):
    """Bytes of a page and of everything of ours that it loads, uncompressed as the Hub sends them."""
    body = reader.get(page)
    parts = set(re.findall(rb'(?:href|src)="(/assets/[^"]+)"', body))
    return len(body) + sum(len(reader.get(part.decode())) for part in parts)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--hub', required=True, type=pathlib.Path, help='the program to measure')
    parser.add_argument('--executors', type=int, default=100_000, help='of the Hub')
    options = parser.parse_args()
    Hub.program = str(options.hub.resolve(strict=True))
    folder = pathlib.Path(tempfile.mkdtemp(prefix='executor-hub-pages-', dir='/var/tmp'))
    folder.chmod(0o755)
    is_met = True
    try:
        with SeededHub(folder / 'hub', options.executors) as hub:
            begun = time.perf_counter()
            hub.seed()
            print(f'{options.executors:,} Executors seeded in {time.perf_counter() - begun:.0f} s', flush=True)
            reader = Reader(hub)
            size = transferred(reader, '/')
            print(f'first page, transferred   {size / 1000:.1f} KB (goal < {GOAL_BYTES / 1000:.0f} KB)')
            is_met = size < GOAL_BYTES
            for page in PAGES:
                took = reader.median_ms(page)
                print(f'{page:26}{took:.2f} ms (goal < {GOAL_MS} ms)')
                is_met = is_met and took < GOAL_MS
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 0 if is_met else 1


if __name__ == '__main__':
    sys.exit(main())
