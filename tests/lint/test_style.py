# SPDX-License-Identifier: Apache-2.0
"""How the code reads, as far as a program can tell: format, names that are banned, sizes, licences, documents that are true."""
import concurrent.futures
import os
import pathlib
import re
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
C_FILES = sorted(p for top in ("include", "src", "tests") for p in (ROOT / top).rglob("*.[ch]"))
SOURCES = [p for p in C_FILES if not p.is_relative_to(ROOT / "tests")]
BUILD = pathlib.Path(os.environ.get("SIGNET_BUILD", ROOT / "build-test"))


def name(path):
    return str(path.relative_to(ROOT))


def test_there_are_sources():
    assert len(SOURCES) > 50


def test_formatted():
    assert shutil.which("clang-format"), "clang-format is missing"
    done = subprocess.run(["clang-format", "--dry-run", "-Werror", *C_FILES], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[:3000]


def test_tidy():
    assert shutil.which("clang-tidy"), "clang-tidy is missing"
    files = [p for p in SOURCES if p.suffix == ".c"]

    def tidy(path):
        done = subprocess.run(["clang-tidy", "-quiet", "-p", BUILD, path], capture_output=True, text=True)
        return "" if done.returncode == 0 else done.stdout
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        complaints = [c for c in pool.map(tidy, files) if c]
    assert not complaints, "\n".join(complaints)[:6000]


def strip_comments(text):
    return re.sub(r"/\*.*?\*/", "", text, flags=re.S)


@pytest.mark.parametrize("pattern, allowed, reason", [
    (r"\b(sprintf|vsprintf|strcpy|strcat|strtok|atoi|localtime|gets)\s*\(", r"^$", "unsafe or locale-bound"),
    (r"(?<![\w.>])(malloc|calloc|realloc|free|strdup|strndup|reallocarray)\s*\(", r"src/base/mem\.c$", "heap memory is base/mem's"),
    (r"\btypedef\s+(struct|enum|union)\b", r"^$", "a struct is called struct"),
    (r"\b(TODO|FIXME|XXX|HACK)\b", r"^$", "unfinished work is not committed"),
], ids=["unsafe", "malloc", "typedef", "todo"])
def test_banned(pattern, allowed, reason):
    found = [f"{name(p)}:{n}: {line.strip()}"
             for p in SOURCES if not re.search(allowed, name(p))
             for n, line in enumerate(strip_comments(p.read_text()).split("\n"), 1) if re.search(pattern, line)]
    assert not found, reason + "\n" + "\n".join(found)


def test_no_conditional_compilation_in_functions():
    found = []
    for path in SOURCES:
        depth = 0
        for n, line in enumerate(strip_comments(path.read_text()).split("\n"), 1):
            if re.match(r"\s*#\s*if", line) and depth > 0:
                found.append(f"{name(path)}:{n}")
            if not line.startswith("#"):
                depth += line.count("{") - line.count("}")
    assert not found


def test_sizes():
    """A file past 500 lines holds two nouns; a function past 70 lines is two functions."""
    long_files = [f"{name(p)}: {count}" for p in SOURCES if (count := len(p.read_text().split("\n"))) > 500]
    long_functions = []
    for path in SOURCES:
        start = None
        for n, line in enumerate(path.read_text().split("\n"), 1):
            if line == "{":
                start = n
            elif line == "}" and start:
                if n - start > 70:
                    long_functions.append(f"{name(path)}:{start}: {n - start} lines")
                start = None
    assert not long_files and not long_functions, (long_files, long_functions)


def test_licence_lines():
    files = [*C_FILES, *(p for p in (ROOT / "tools").iterdir() if p.is_file())]
    missing = [name(p) for p in files if "SPDX-License-Identifier: Apache-2.0" not in p.read_text()[:300]]
    assert not missing


def test_headers_stand_alone(tmp_path):
    for header in sorted((ROOT / "include").rglob("*.h")):
        probe = tmp_path / "probe.c"
        probe.write_text(f'#include "{header.relative_to(ROOT / "include")}"\n')
        done = subprocess.run(["gcc", "-D_GNU_SOURCE", "-std=gnu17", "-Wall", "-Werror", "-fsyntax-only", f"-I{ROOT / 'include'}", probe],
                              capture_output=True, text=True)
        assert done.returncode == 0, done.stderr


def test_documents_name_what_exists():
    """Every `path/file` and `file.c: function` that a document names is there."""
    missing = []
    code = {name(p): p.read_text() for p in SOURCES}
    for document in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]:
        text = document.read_text()
        for path in re.findall(r"`((?:src|include|tools|conf|docs|tests|certs)/[\w./-]+\w)`", text):
            if not (ROOT / path).exists():
                missing.append(f"{name(document)}: {path}")
        for link in re.findall(r"\]\(([\w./-]+)\)", text):
            if not (document.parent / link).exists():
                missing.append(f"{name(document)}: {link}")
        for path, function in re.findall(r"`(src/[\w/]+\.c)`[:,]? `(\w+)\(\)?`", text):
            if not re.search(rf"\b{function}\(", code.get(path, "")):
                missing.append(f"{name(document)}: {path} has no {function}()")
    assert not missing


def test_config_document_is_current():
    done = subprocess.run([ROOT / "tools/make-config-doc", "--check", (ROOT / BUILD / "signet")], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
