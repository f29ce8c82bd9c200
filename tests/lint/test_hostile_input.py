# SPDX-License-Identifier: Apache-2.0
"""docs/hostile-input.md is true: its numbers are complete, and each names tests that are there."""
import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
LINE = re.compile(r"^(\d+)\. (.*?)(?=^\d+\. |^## |\Z)", re.M | re.S)
LINES = {int(number): text for number, text in LINE.findall((ROOT / "docs/hostile-input.md").read_text())}
TESTS = [p for p in (ROOT / "tests").rglob("*") if p.suffix in (".c", ".py") and p != pathlib.Path(__file__)]
PROVED = [*range(17, 70), *range(74, 78)]  # requests, responses, time, processes: each has a test that bears its number


def functions(path):
    return set(re.findall(r"(?:def|void) (\w+)\(", path.read_text()))


def numbered():
    """(number, file, test) of every test that bears a number."""
    return sorted((int(re.match(r"test_h(\d+)_", test)[1]), str(path.relative_to(ROOT)), test)
                  for path in TESTS for test in functions(path) if re.match(r"test_h\d+_", test))


def proofs(text):
    """(file, test) as the line names them: `file`: test, test; `file`: test."""
    named = re.split(r"\*Proof:\*", text)[1:]
    return [(path, test) for proof in named for path, tests in re.findall(r"`(tests/[\w./]+)`:([\w, \n]+)", proof)
            for test in re.findall(r"\w+", tests)]


def test_no_number_is_missing():
    assert list(LINES) == list(range(1, 89))


@pytest.mark.parametrize("number", LINES)
def test_what_is_named_is_there(number):
    assert "*Proof:*" in LINES[number]
    missing = [(path, test) for path, test in proofs(LINES[number]) if test not in functions(ROOT / path)]
    assert not missing


@pytest.mark.parametrize("number", PROVED)
def test_a_test_bears_the_number(number):
    assert any(test.startswith(f"test_h{number}_") for _, test in proofs(LINES[number]))


def test_no_test_is_unnamed():
    unnamed = [(number, path, test) for number, path, test in numbered() if (path, test) not in proofs(LINES[number])]
    assert not unnamed
