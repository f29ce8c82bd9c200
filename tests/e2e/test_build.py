# SPDX-License-Identifier: Apache-2.0
"""How the program was compiled and linked: what makes a bug in it harder to use."""
import platform
import re

import pytest

from harness import SIGNET, run

pytestmark = pytest.mark.release


@pytest.fixture(scope="module")
def elf():
    return run("readelf", "--wide", "--file-header", "--program-headers", "--dynamic", "--symbols", "--notes", SIGNET).stdout


@pytest.mark.parametrize("why, pattern", [
    ("it lies at another address in every process", r"Type:\s+DYN"),
    ("marked so", r"\(FLAGS_1\).*\bPIE\b"),
    ("all symbols are bound at the start", r"\(FLAGS_1\).*\bNOW\b"),
    ("so their table can be read-only", r"GNU_RELRO"),
    ("no stack is executable", r"GNU_STACK\s+(0x\w+ +){5}RW +0"),
    ("an overwritten stack is noticed", r"__stack_chk_fail"),
    ("functions of libc know how large their buffers are", r"__(mem|str|snprintf|vsnprintf|read|recv|poll|longjmp|f?printf|fprintf|fdelt)\w*_chk"),
])
def test_it_has(elf, why, pattern):
    assert re.search(pattern, elf), why


@pytest.mark.skipif(platform.machine() != "x86_64", reason="of x86-64 alone")
def test_jumps_have_marked_targets():
    """-fcf-protection. Whether it is enforced is up to libc and the kernel."""
    code = run("objdump", "--disassemble=main", SIGNET).stdout
    assert re.search(r"<main>:\n\s+\w+:.*\bendbr64\b", code), code


@pytest.mark.parametrize("why, pattern", [
    ("libraries come from the system's places alone", r"R(UN)?PATH"),
    ("nothing is both writable and executable", r"LOAD .* RWE "),
    ("code has no relocations", r"TEXTREL"),
])
def test_it_lacks(elf, why, pattern):
    assert not re.search(pattern, elf), why
