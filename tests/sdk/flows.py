"""What each client is made to do when its exchanges with a Hub are recorded.

A flow is a list of commands that one person after the other gives to a fresh Hub. It is a file when it is recorded:
`tests/wire/<client>/<flow>.http`.
"""

import re
from dataclasses import dataclass, field


@dataclass
class Command:
    """One command of a client; `{name}` in its arguments stands for what earlier exchanges taught."""

    arguments: list
    token: str = None  # whose: 'token-of-alice', 'session-of-alice', or words that are no token
    home: str = 'author'  # what a client remembers, it remembers there
    folder: str = None  # the folder it pushes or asks for; it is called `hello`
    works: bool = True  # whether the client should say so; None where some generations do and others do not
    resumes: bool = False  # whether the first bytes of the last download lie in its cache already
    client: str = None  # another client than the one that is recorded
    stored: bool = False  # whether the token is where `jina auth login` leaves it, instead of in the environment
    files: dict = field(default_factory=dict)  # more files in its home


def number(client):
    """('sdk', (0, 39, 0)) of sdk-0.39.0."""
    kind, version = client.split('-')
    return kind, tuple(int(part) for part in re.findall(r'\d+', version))


def flows(client):
    """The commands of each flow of this client, by name."""
    kind, version = number(client)
    if client == 'jina-3.34.0':
        return {'loads-executors': loads_executors()}
    is_sdk = kind == 'sdk'
    found = {}
    if not is_sdk or version < (0, 26, 5):
        found['publish-anonymous'] = publish(None)
        found['private-anonymous'] = private(None)
        found['refused-anonymous'] = refused_secret()
    if is_sdk or version >= (3, 4):
        follows = is_sdk or version >= (3, 9, 2)
        uri = 'jinaai://alice/Hello' if is_sdk and version >= (0, 26) else 'jinahub://Hello'
        found['publish-signed-in'] = publish('token-of-alice', uri, follows)
        found['private-signed-in'] = private('token-of-alice', uri)
        found['refused-signed-in'] = refused_tag('token-of-alice')
    if client in ('sdk-0.39.0', 'sdk-0.22.5'):
        found['tokens'] = tokens()
        found['artifacts'] = artifacts(version >= (0, 25))
    if client == 'sdk-0.39.0':
        found['sign-out'] = [Command(['auth', 'logout'], token='session-of-alice', stored=True)]
    return found


def publish(token, uri='jinahub://Hello', follows=False):
    """Push, push the same folder again, follow, pull, and pull what lies half in the cache."""
    commands = [
        Command(['push', '{folder}', '-t', 'v1', '-t', 'latest'], token, folder='hello'),
        Command(['push', '{folder}'], token, folder='hello-changed'),
        Command(['pull', uri], token, home='elsewhere'),
        Command(['pull', uri, '--force'], token, home='elsewhere', resumes=True),
        Command(['pull', uri.replace('Hello', 'Nothing')], token, home='elsewhere', works=False),
    ]
    if follows:
        commands.insert(2, Command(['status', '{folder}', '--replay', '--verbose'], token, folder='hello-changed'))
    return commands


def private(token, uri='jinahub://Hello'):
    """A private Executor: strangers see nothing, its people pull it."""
    return [
        Command(['push', '{folder}', '--private'], token, folder='hello'),
        Command(['pull', uri], home='stranger', works=False),
        Command(['pull', uri if token else 'jinahub://Hello:{secret-1}'], token, home='elsewhere'),
    ]


def refused_secret():
    """A push under a taken name, and one with a wrong secret."""
    return [
        Command(['push', '{folder}'], folder='hello'),
        Command(['push', '{folder}'], folder='hello-changed', home='stranger', works=False),
        Command(['push', '{folder}', '--force', 'Hello', '--secret', 'wrong'],
                folder='hello-changed', home='stranger', works=False),
    ]


def refused_tag(token):
    """A push on a protected tag, and one with a token that is none."""
    return [
        Command(['push', '{folder}', '-t', 'v1', '--protected-tag', 'v2'], token, folder='hello'),
        Command(['push', '{folder}', '-t', 'v2'], token, folder='hello-changed', works=False),
        # Some push anonymously instead, after they have asked who this is.
        Command(['push', '{folder}'], 'stale', folder='hello-changed', home='stranger', works=None),
    ]


def tokens():
    """Who am I, and the life of a personal token."""
    def call(method, arguments='{}', token='session-of-alice', works=True):
        return Command(['client', method, arguments], token, works=works)

    return [
        call('get_user_info'),
        call('create_personal_access_token', '{"name": "ci", "expiration_days": 7}'),
        call('get_user_info', token='{token-1}'),
        call('list_personal_access_tokens'),
        call('delete_personal_access_token', '{"name": "ci"}'),
        call('get_user_info', token='{token-1}', works=False),
        call('delete_personal_access_token', '{"name": "ci"}', works=False),
    ]


def artifacts(has_update):
    """An artifact is stored, described, listed, downloaded, changed and deleted."""
    def call(method, arguments, works=True):
        return Command(['client', method, arguments], 'token-of-alice', works=works,
                       files={'weights.bin': '0123456789'})

    by_id = '{"id": "{artifact-1}"}'
    commands = [
        call('upload_artifact', '{"f": "{home}/weights.bin", "metadata": {"foo": "bar"}}'),
        call('get_artifact_info', by_id),
        call('list_artifacts', '{"filter": {"metaData.foo": "bar"}, "sort": {"createdAt": -1}}'),
        call('download_artifact', '{"id": "{artifact-1}", "f": "{home}/copy.bin"}'),
        call('delete_artifact', by_id),
        call('get_artifact_info', by_id, works=False),
    ]
    if has_update:
        commands.insert(4, call('update_artifact', '{"id": "{artifact-1}", "metadata": {"foo": "baz"}, "is_public": true}'))
    return commands


def loads_executors():
    """A Flow loads an Executor, which the newest SDK has pushed, and answers a request."""
    return [
        Command(['push', '{folder}'], 'token-of-alice', folder='greeter', client='sdk-0.39.0'),
        Command(['flow', 'jinaai://alice/Hello', 'hi'], 'token-of-alice', home='elsewhere'),
    ]
