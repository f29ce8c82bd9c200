# SPDX-License-Identifier: Apache-2.0
"""tools/check-layers finds each kind of violation, and this tree has none."""
import pathlib
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]

# why, {file: text}, the words of the one complaint (None: no complaint)
CASES = [
    ("own floor and below", {"include/http/a.h": '#include "base/b.h"\n', "include/base/b.h": ""}, None),
    ("climbs", {"src/base/b.c": '#include "http/a.h"\n', "include/http/a.h": ""}, "base (floor 0) includes http/a.h"),
    ("header climbs", {"include/conn/c.h": '#include "proxy/p.h"\n', "include/proxy/p.h": ""},
     "conn (floor 3) includes proxy/p.h"),
    ("circle of headers", {"include/http/a.h": '#include "http/b.h"\n', "include/http/b.h": '#include "http/a.h"\n'},
     "circle: http/a -> http/b -> http/a"),
    ("circle through a source", {"include/http/a.h": "", "src/http/a.c": '#include "http/b.h"\n',
                                 "include/http/b.h": '#include "http/a.h"\n'}, "circle: http/a -> http/b -> http/a"),
    ("OpenSSL in its place", {"src/conn/tls_ctx.c": "#include <openssl/ssl.h>\n"}, None),
    ("OpenSSL elsewhere", {"src/conn/conn.c": "#include <openssl/ssl.h>\n"}, "includes <openssl/ssl.h>"),
    ("foreign header in a header of ours", {"include/event/loop.h": "#include <ev.h>\n"}, "includes <ev.h>"),
    ("llhttp elsewhere", {"src/proxy/x.c": "#include <llhttp.h>\n"}, "includes <llhttp.h>"),
    ("a file outside the floors", {"src/stray.c": ""}, "lies in no floor"),
    ("a header that is not there", {"src/base/b.c": '#include "base/gone.h"\n'}, "does not exist"),
]


@pytest.mark.parametrize("why, files, complaint", CASES, ids=[c[0] for c in CASES])
def test_finds(why, files, complaint, tmp_path):
    for name, text in {"src/main.c": "", **files}.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    done = subprocess.run([ROOT / "tools/check-layers", tmp_path], capture_output=True, text=True)
    if complaint is None:
        assert (done.returncode, done.stdout) == (0, "")
    else:
        assert done.returncode == 1
        assert complaint in done.stdout and len(done.stdout.splitlines()) == 1


def test_this_tree():
    done = subprocess.run([ROOT / "tools/check-layers"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")
