# SPDX-License-Identifier: Apache-2.0
"""A reason that no test has ever seen might as well be wrong."""
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]
# An input that makes two readers differ would be a hole; what compares them is proven on its own.
CANNOT_HAPPEN = {"FRAMING_DISAGREES"}
NAMES = re.findall(r"^ *X\(([A-Z0-9_]+), ", (ROOT / "include/base/refusal.h").read_text(), re.M)


def test_every_refusal_is_proven():
    folders = [ROOT / "tests" / name for name in ("unit", "loop", "e2e")]
    text = "\n".join(path.read_text() for folder in folders for path in folder.rglob("*.[cp]*") if path.suffix in (".c", ".py"))
    words = set(re.findall(r"[A-Za-z0-9_]+", text))
    assert len(NAMES) > 90
    assert [n for n in NAMES if n not in CANNOT_HAPPEN and not words & {n, f"REFUSAL_{n}", n.lower()}] == []
