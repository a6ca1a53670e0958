"""Makes the inputs that fuzzing starts from: small, of every shape that authors and clients send, none from elsewhere.

    python3 fuzz/make_seeds.py

Writes fuzz/seeds/<target>/<name>. The result is committed; run it again after a change here.
"""

import io
import shutil
import zipfile
from pathlib import Path

SEEDS = Path(__file__).parent / "seeds"
CONFIG = "jtype: Mine\npy_modules: executor.py\n"
SOURCE = "from jina import Executor\n\n\nclass Mine(Executor):\n    pass\n"


def packed(files, method=zipfile.ZIP_DEFLATED, comment=b"", stream=None, zip64=False):
    stream = stream or io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name, text in files.items():
            info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            info.compress_type = method
            info.external_attr = 0o100644 << 16
            with archive.open(info, "w", force_zip64=zip64) as file:
                file.write(text.encode())
        archive.comment = comment
    return stream.getvalue()


class Unseekable(io.BytesIO):
    """Makes zipfile write data descriptors."""

    def seekable(self):
        return False

    def seek(self, *_):
        raise io.UnsupportedOperation

    def tell(self):
        raise io.UnsupportedOperation


PACKAGE = {"config.yml": CONFIG, "executor.py": SOURCE}

ZIP = {
    "deflated": packed(PACKAGE),
    "stored": packed(PACKAGE, zipfile.ZIP_STORED),
    "comment": packed(PACKAGE, comment=b"a remark"),
    "descriptors": packed(PACKAGE, stream=Unseekable()),
    "wide": packed(PACKAGE, zip64=True),
    "no-config": packed({"executor.py": SOURCE, "README.md": "Hello"}),
    "folders": packed({**PACKAGE, "a/b/c.txt": "x", "日本/ü.txt": "y"}),
    "complete": packed(
        {
            **PACKAGE,
            "manifest.yml": "name: Mine\nkeywords: [a, b]\n",
            "requirements.txt": "numpy>=1\n",
            "Dockerfile": "FROM scratch\n",
        }
    ),
    "empty": packed({}),
    "tail-only": b"PK\5\6" + bytes(18),
}

YAML = {
    "plain": CONFIG,
    "metas": "jtype: Mine\nmetas:\n  name: x\n  py_modules:\n    - executor.py\nwith:\n  size: 3\n",
    "tag": "!Mine\nwith:\n  x: !Other {a: 1}\nmetas:\n  py_modules: executor.py\n",
    "merge": "base: &b {jtype: Mine}\n<<: *b\npy_modules: executor.py\n",
    "manifest": CONFIG + "\n---\nname: Mine\ndescription: |\n  Two\n  lines\nurl: https://h/\nkeywords: [a, 'b', 3]\n",
    "manifest-over-metas": "jtype: Mine\nmetas: {name: old, py_modules: executor.py}\n\n---\nname: new\nkeywords: a\n",
    "flow": '{"jtype": "Mine", "py_modules": ["executor.py"], "x": [1, 1.5e+3, 0x1F, 1:20, ~, yes, 2021-01-01]}\n',
    "folded": "jtype: Mine\npy_modules: executor.py\ntext: >-\n  a\n  b\n\n  c\nother: |+\n  d\n\n",
    "quotes": "jtype: 'Mi''ne'\nx: \"\\u00e9\\n\\x41\\\"\"\n",
    "anchors": "a: &a [1, &c {k: *a0}]\nb: *a\njtype: Mine\npy_modules: executor.py\n",
    "keys": "? jtype\n: Mine\n? [a, b]\n: c\npy_modules: executor.py\n",
    "directives": "%YAML 1.1\n%TAG !e! tag:e,2000:\n---\njtype: Mine\npy_modules: executor.py\n...\n",
}

PYTHON = {
    "plain": SOURCE,
    "arguments": "from jina import Executor, requests\nclass Mine(Executor):\n    '''Doc.\n\n      More.\n    '''\n    def __init__(self, a: int = 1, *b, c: 'List[str]' = (), **d): ...\n    @requests(on=['/x', f'/{y}'])\n    async def f(self, docs, **kwargs): ...\n    @requests\n    def g(self, /, docs): pass\n",
    "imports": "from base import Base as B\nclass Mine(B):\n    pass\n\n---\nfrom jina import Executor\nclass Base(Executor):\n    pass\n",
    "attribute": "import jina as j\nclass Mine(j.Executor[T]):\n    @j.requests(on='/a')\n    def f(self): ...\n",
    "branches": "try:\n    from jina import Executor\nexcept ImportError:\n    from .base import Executor\nif 1:\n    class Mine(Executor): pass\nelse:\n    class Mine(Executor): pass\n\n---\nimport executor\n",
    "cycle": "import base\n" + SOURCE + "\n---\nimport executor\n",
    "new-syntax": "type X[T] = list[T]\nclass Mine[T](Executor):\n    def f[S](self, x: S = f'{1!r:>{2}}'): ...\nmatch x:\n    case {'a': [1, *_]}: pass\n",
    "latin": "# coding: latin-1\n" + SOURCE,
    "namesake": SOURCE + "class Mine:\n    pass\n",
    "broken": "class Mine(:\n",
    "deep": "x = " + "(" * 40 + ")" * 40 + "\n" + SOURCE,
    "strings": "x = r'''a\\''' b\"\\N{DASH}\" \\\n  u'c'\n" + SOURCE,
}

REQUIREMENTS = {
    "plain": "numpy==1.2 # why\nscipy>=1,<2 ; python_version > '3'\ntorch[gpu]\n",
    "addresses": "git+https://u:${TOKEN}@h/a.git@main#egg=a\nb @ https://h/x.whl?sig=1#sha256=2\n./local\n-e .\n",
    "options": "--index-url https://me:pw@h/\n-r requirements.txt\n-c gone.txt\n--requirement=../out.txt\n",
    "continued": "numpy \\\n  ==1 \\\n  --hash=sha256:0\n# \\\nscipy\n",
    "variables": "a==${A}\nb==${TOKEN}${A}\nc==${lower}${UNCLOSED\n",
    "utf16": "\ufeffnumpy\r\nscipy\r\n".encode("utf-16-le"),
    "project": "scipy\n\n---\n[project]\nname = 'x'\ndependencies = ['numpy >=1', 'scipy']\n",
    "poetry": "x\n\n---\n[tool.poetry.dependencies]\npython = '^3.8'\nnumpy = '^1.20'\na = {version='~1', extras=['b'], markers=\"x == 'y'\"}\no = {git='https://h/r', rev='c'}\np = {path='..'}\n",
    "toml": "x\n\n---\na = [1, {b = '''c'''}, 1979-05-27T07:32:00Z, 0x1f, inf]\n[[t]]\n'q q'.\"r\" = \"\\u00e9\"\n",
}

DOCKERFILE = {
    "plain": "FROM python:3.11\nWORKDIR /x\nCOPY . .\nRUN pip install -r requirements.txt\nENTRYPOINT [\"jina\"]\n",
    "stages": "ARG V=1\nFROM --platform=linux/amd64 a:${V} AS one\nRUN make\nFROM one AS two\nCOPY --from=one --chown=1:2 /a /b\nCMD x\n",
    "heredoc": "FROM a\nRUN <<EOF\necho 1\nEOF\nRUN python3 <<-'X' && echo\n\tprint(1)\n\tX\nCOPY <<A <<B /x/\na\nA\nb\nB\n",
    "escape": "# escape=`\nFROM a\nRUN dir `\n  # comment\n  c:\\\n",
    "syntax": "# syntax=docker/dockerfile:1\nFROM a\nRUN --mount=type=secret,id=x --network=none echo\n",
    "shell": "FROM a\nSHELL [\"/bin/bash\", \"-c\"]\nRUN [\"a\", \"b\\u00e9\"]\nRUN a && \\\n\n  b\nONBUILD RUN x\n",
    "variables": "FROM a\nENV A=1 B=\"x y\" C=${A:-d}\nENV D e f\nARG TOKEN\nLABEL a='b' \"c\"=d\nHEALTHCHECK --interval=1s CMD x\n",
    "no-from": "RUN x\n",
    "windows": "FROM a\r\nRUN b\r\n",
}


def multipart(fields, file=None, boundary="b"):
    body = b""
    for name, value in fields:
        body += f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
    if file is not None:
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n'
        body += head.encode() + b"Content-Type: application/octet-stream\r\n\r\n" + file + b"\r\n"
    return body + f"--{boundary}--\r\n".encode()


PUSH = [
    ("public", "True"),
    ("private", "False"),
    ("force", "w7qckiqy"),
    ("secret", "s3cret"),
    ("md5sum", "0" * 32),
    ("tags", "v1, latest"),
    ("immutableTags", "v1"),
    ("buildEnv", '{"TOKEN": "x"}'),
    ("dockerfile", "docker/gpu"),
    ("jina", "3.27.0"),
]


def request(method, content_type, body):
    body = body if isinstance(body, bytes) else body.encode()
    return f"{method}\n{content_type}\n".encode() + body


MULTIPART = "multipart/form-data; boundary=b"
FORM = {
    "push": request("executor.push", MULTIPART, multipart(PUSH, b"PK")),
    "create": request("executor.create", MULTIPART, multipart(PUSH, packed(PACKAGE))),
    "update-async": request("executor.updateAsync", 'multipart/form-data; boundary="b b"', multipart(PUSH, b"", "b b")),
    "file-first": request("executor.push", MULTIPART, multipart([], b"x")[:-7] + multipart(PUSH)),
    "no-file": request("executor.push", MULTIPART, multipart(PUSH)),
    "v1": request("v1", MULTIPART, multipart(PUSH, b"PK")),
    "json": request("executor.getPackage", "application/json", '{"id": "a/B", "tag": "v1", "include": ["code"], "n": 1.5}'),
    "query": request("executor.queryProgress", "application/x-www-form-urlencoded", "id=a%2FB&verbose=True&x=%ff&x=2"),
    "list": request("executor.list", "application/json", '{"sort": "-createdAt", "pageIndex": 1, "pageSize": 16, "search": "", "keywords": []}'),
    "artifact": request("artifact.upload", MULTIPART, multipart([("name", "x"), ("metaData", "{}"), ("is_public", "1")], b"x")),
    "login": request("user.identity.grant.auto", "application/json", '{"provider": "", "code": "x"}'),
}

URI = {
    "name": "MyExecutor",
    "owned": "alice/My-Executor_2.0",
    "id": "w7qckiqy",
    "slashes": "/alice//MyExecutor/",
    "tags": "v1.0.0, latest,,v1.0.0",
    "variables": '{"TOKEN": "x", "N": 3, "B": true}',
    "query": "MyExecutor?secret=s&tag=v1&jinaVersion=3.27.0",
    "escaped": "alice%2FMyExecutor/?tag=v%2B1",
    "download": "0" * 64 + ".zip?size=1&expires=2&signature=x\nbytes=0-0",
    "ranges": "x\nbytes=-5",
    "portal": "/executor/alice/MyExecutor?tab=tags",
    "api": "/api/v1/executors?cursor=x&limit=5",
    "rpc": "/v2/rpc/executor.getPackage?id=a",
}

TARGETS = {
    "zip": ZIP,
    "yaml": YAML,
    "python": PYTHON,
    "requirements": REQUIREMENTS,
    "dockerfile": DOCKERFILE,
    "form": FORM,
    "uri": URI,
}

shutil.rmtree(SEEDS, ignore_errors=True)
for target, seeds in TARGETS.items():
    (SEEDS / target).mkdir(parents=True)
    for name, seed in seeds.items():
        (SEEDS / target / name).write_bytes(seed if isinstance(seed, bytes) else seed.encode())
