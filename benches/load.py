"""How many requests a second does a server answer? wrk asks as fast as it can over a fixed number of connections, and a
round with one wrong answer counts for nothing."""

import pathlib
import re
import subprocess

CONNECTIONS = 16
SCRIPT = pathlib.Path(__file__).with_name('request.lua')


def requests_per_second(url, seconds, body=None, headers=()):
    """One round: GET, or POST of a JSON body. Ends the run when an answer is an error."""
    command = ['wrk', '-t', '2', '-c', str(CONNECTIONS), '-d', f'{seconds}s', '-s', str(SCRIPT)]
    for name, value in headers:
        command += ['-H', f'{name}: {value}']
    command.append(url)
    if body is not None:
        command += ['--', 'POST', 'application/json', body]
    report = subprocess.run(command, check=True, text=True, capture_output=True).stdout
    if 'Non-2xx' in report or 'Socket errors' in report:
        raise SystemExit(f'wrk got wrong answers from {url}:\n{report}')
    return float(re.search(r'Requests/sec:\s*([\d.]+)', report)[1])
