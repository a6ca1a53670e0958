"""What is pushed? Zips as the old clients pack them: a small Executor beside a file of random bytes, all deflated."""

import hashlib
import os
import pathlib
import shutil
import zipfile

STEP = 1 << 20

EXECUTOR = """\
from jina import Executor, requests


class Bench(Executor):
    @requests
    def echo(self, docs, **kwargs):
        return docs
"""


class Package:
    """A zip on disk and what its sender says of it."""

    def __init__(self, path):
        self.path = pathlib.Path(path)
        self.size = self.path.stat().st_size
        md5, sha256 = hashlib.md5(), hashlib.sha256()
        with open(self.path, 'rb') as file:
            while step := file.read(STEP):
                md5.update(step)
                sha256.update(step)
        self.md5, self.sha256 = md5.hexdigest(), sha256.hexdigest()


def pack(path, name, payload_bytes):
    """A package of this name with that many random bytes in it."""
    with zipfile.ZipFile(path, 'w', zipfile.ZIP_DEFLATED) as archive:
        archive.writestr('config.yml', f'jtype: Bench\nmetas:\n  name: {name}\npy_modules:\n  - executor.py\n')
        archive.writestr('executor.py', EXECUTOR)
        archive.writestr('README.md', f'# {name}\n')
        with archive.open('payload.bin', 'w', force_zip64=True) as payload:
            for start in range(0, payload_bytes, STEP):
                payload.write(os.urandom(min(STEP, payload_bytes - start)))
    return Package(path)


def variant(package, path, word):
    """The same package with one more small file: other bytes to every server, without packing all of it again."""
    shutil.copyfile(package.path, path)
    with zipfile.ZipFile(path, 'a', zipfile.ZIP_DEFLATED) as archive:
        archive.writestr('round.txt', word)
    return Package(path)
