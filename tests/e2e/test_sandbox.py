# SPDX-License-Identifier: Apache-2.0
"""What a worker can no longer do, seen on real ones: what the kernel says of them, and what happens when they try."""
import base64
import ctypes
import errno
import os
import pathlib
import platform
import re
import resource
import signal
import struct
import subprocess
import tempfile

import pytest

import inject
from harness import SIGNET, answering, curl, end_group, environment, free_port, start_group, wait_for

ROOT_ONLY = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
X86_64 = pytest.mark.skipif(platform.machine() != "x86_64", reason="knows the registers of x86-64 alone")
# The leak checker of a sanitized program attaches to its process, which the sandbox forbids.
NO_LEAK_CHECK = {"ASAN_OPTIONS": "detect_leaks=0:abort_on_error=1:quarantine_size_mb=8"}


@pytest.fixture
def locked(fronted, origin):
    """locked(mode) is a signet in front of an origin, with that sandbox."""
    def start(mode="on"):
        return fronted(origin(answering()).port, top=f"sandbox {mode}", env=NO_LEAK_CHECK)
    return start


def worker(front):
    (pid,) = front.workers()
    return pid


def status(pid):
    lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
    return {name: value.split() for name, value in (line.split(":", 1) for line in lines)}


def serves(front, certs):
    assert curl(front.port, certs=certs).stdout == b"ok"


# --- what the kernel says

@ROOT_ONLY
@pytest.mark.parametrize("mode", ["on", "log"])
def test_a_worker_is_locked_in(locked, mode):
    said = status(worker(locked(mode)))
    for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert int(said[name][0], 16) == 0, name
    assert said["NoNewPrivs"] == ["1"]
    assert said["Seccomp"] == ["2"]  # a filter
    assert said["Groups"] == []
    assert set(said["Uid"]) == set(said["Gid"]) == {"65534"}


@ROOT_ONLY
def test_off_keeps_the_identity(fronted, origin):
    said = status(worker(fronted(origin(answering()).port, top="sandbox off")))
    assert said["Seccomp"] == ["0"]
    assert said["NoNewPrivs"] == ["1"]
    assert int(said["CapPrm"][0], 16) == int(said["CapBnd"][0], 16) == 0
    assert set(said["Uid"]) == {"65534"}


@ROOT_ONLY
def test_nobody_may_look_into_a_worker(locked):
    """Of a process that is not dumpable the files in /proc are root's, whoever it runs as."""
    front = locked()
    path = f"/proc/{worker(front)}/mem"
    assert os.stat(path).st_uid == 0
    seen = subprocess.run(["dd", f"if={path}", "bs=1", "count=1"], user=65534, group=65534, extra_groups=[], capture_output=True, text=True)
    assert "Permission denied" in seen.stderr


def test_a_crash_leaves_no_core(locked, certs):
    before = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (before[1], before[1]))
    try:
        front = locked()
    finally:
        resource.setrlimit(resource.RLIMIT_CORE, before)
    fallen = worker(front)
    os.kill(fallen, signal.SIGQUIT)  # which dumps a core where one may be dumped
    wait_for("the fall in the log", lambda: "signal 3 (Quit)" in front.errors())
    assert "core dumped" not in front.errors()
    wait_for("another worker", lambda: front.workers() not in ([], [fallen]))
    serves(front, certs)


# --- what happens when it tries

TRIED = [  # what; system call and arguments; what `on` makes of it: an errno, or None: the worker ends; what `log` makes of it
    ("open", ("openat", -100, b"/etc/passwd", os.O_RDONLY, 0), errno.EACCES, errno.EACCES),
    ("execute", ("execve", b"/bin/true", 0, 0), None, errno.EACCES),
    ("trace", ("ptrace", 0, 0, 0, 0), None, None),
]


@ROOT_ONLY
@X86_64
@pytest.mark.parametrize("why, call, refused, _", TRIED, ids=[row[0] for row in TRIED])
def test_on(locked, certs, why, call, refused, _):
    front = locked()
    serves(front, certs)
    tried = worker(front)
    if refused:
        assert inject.system_call(tried, *call) == -refused
        assert inject.system_call(tried, "getpid") == tried  # the test can make it do what it may
    else:
        with pytest.raises(inject.Killed, match="SIGSYS"):
            inject.system_call(tried, *call)
        wait_for("what happened in the log", lambda: re.search(
            rf"worker 0 \(pid {tried}\) was killed by signal 31 \(Bad system call\): .*sandbox log", front.errors()))
        wait_for("another worker", lambda: front.workers() not in ([], [tried]))
    assert (worker(front) == tried) == bool(refused)
    serves(front, certs)


@ROOT_ONLY
@X86_64
@pytest.mark.parametrize("why, call, _, refused", [row for row in TRIED if row[3]], ids=[row[0] for row in TRIED if row[3]])
def test_log(locked, certs, why, call, _, refused):
    """Nobody is ended, and files stay closed: that is Landlock's."""
    front = locked("log")
    assert inject.system_call(worker(front), *call) == -refused
    assert "system call it should not is logged by the kernel" in front.errors()
    serves(front, certs)


# --- a kernel that lacks something

ALLOW, ENOSYS = 0x7FFF0000, 0x00050000 | errno.ENOSYS
LANDLOCK_CREATE_RULESET, SECCOMP = 444, 317
LACKS = [  # which calls the kernel does not know, what the log says is lacking
    ([LANDLOCK_CREATE_RULESET], "Landlock (files)"),
    ([SECCOMP], "seccomp (system calls)"),
    ([LANDLOCK_CREATE_RULESET, SECCOMP], "Landlock (files) and seccomp (system calls)"),
]


def without(calls):
    """For a new process: these calls answer ENOSYS from here on, in whatever it starts too."""
    def step(code, yes, no, value):
        return struct.pack("HBBI", code, yes, no, value)
    program = step(0x20, 0, 0, 0)  # load the call's number
    for call in calls:
        program += step(0x15, 0, 1, call) + step(0x06, 0, 0, ENOSYS)
    program += step(0x06, 0, 0, ALLOW)
    code = ctypes.create_string_buffer(program, len(program))
    whole = ctypes.create_string_buffer(struct.pack("HxxxxxxQ", len(program) // 8, ctypes.addressof(code)))

    def apply():
        inject.libc.prctl(38, 1, 0, 0, 0)  # PR_SET_NO_NEW_PRIVS
        assert inject.libc.prctl(22, 2, ctypes.c_void_p(ctypes.addressof(whole)), 0, 0) == 0  # PR_SET_SECCOMP
    apply.keep = code
    return apply


@X86_64
@pytest.mark.parametrize("calls, lacking", LACKS, ids=["landlock", "seccomp", "both"])
def test_what_a_kernel_lacks_is_left_out_with_one_warning(tmp_path, origin, calls, lacking):
    port, said = free_port(), tmp_path / "said"
    (tmp_path / "c").write_text(f"""
workers 2
access_log off
control off
sandbox on
pool app {{ server 127.0.0.1:{origin(answering()).port} }}
listen 127.0.0.1:{port} {{ host a {{ proxy app }} }}
""")
    with open(said, "wb") as stderr:
        process = start_group(SIGNET, "run", "-c", tmp_path / "c", stderr=stderr, preexec_fn=without(calls), env=environment(**NO_LEAK_CHECK))
    try:
        wait_for("ready signet", lambda: " ready: pid " in said.read_text())
        assert curl(port, host="a", scheme="http").stdout == b"ok"
        lines = [line for line in said.read_text().splitlines() if "sandbox" in line]
        assert len(lines) == 1 and lines[0].endswith(f"this kernel lacks {lacking}; workers do without"), lines
        process.terminate()
        assert process.wait(15) == 0
    finally:
        end_group(process)


# --- what a reload brings

@pytest.fixture
def open_folder():
    """Where every user may go."""
    with tempfile.TemporaryDirectory(prefix="signet-", dir="/tmp") as folder:
        os.chmod(folder, 0o755)
        yield pathlib.Path(folder)


def test_a_reload_works_inside(signet, origin, certs, open_folder):
    """A configuration that begins to use TLS, another log, another address, other servers, in the same process."""
    plain, path, new = free_port(), open_folder / "origin", free_port()
    origin(answering(b"unix"), path=path)
    os.chmod(path, 0o666)
    front = signet("workers 1\nsandbox on\nlisten 127.0.0.1:{plain} { host a { respond 200 one } }", plain=plain, env=NO_LEAK_CHECK)
    locked_in = worker(front)
    outcome = front.reload(f"""
workers 1
sandbox on
access_log {open_folder}/access.log
pool app {{ server unix:{path} }}
pool other {{ server 127.0.0.1:{origin(answering(b"inet")).port} }}
listen 127.0.0.1:{new} {{ host shop.example.test {{
    certificate {certs}/shop.example.test.rsa.crt key={certs}/shop.example.test.rsa.key
    route / {{ proxy app }}
    route /inet {{ proxy other }}
}} }}
""")
    assert outcome.committed
    assert curl(new, certs=certs).stdout == b"unix"
    assert curl(new, "/inet", certs=certs).stdout == b"inet"
    assert front.workers() == [locked_in]
    wait_for("records", lambda: (open_folder / "access.log").read_text().count("\n") == 2)


# --- secrets

def memory(pid):
    """What of a process can be read, mapping by mapping."""
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as mem:
        for line in pathlib.Path(f"/proc/{pid}/maps").read_text().splitlines():
            begin, end = (int(at, 16) for at in line.split()[0].split("-"))
            if line.split()[1][0] != "r" or "[v" in line or end - begin > 2**32:
                continue
            mem.seek(begin)
            try:
                yield mem.read(end - begin)
            except OSError:
                continue


@ROOT_ONLY
def test_no_text_of_a_key_is_left_in_a_worker(locked, certs):
    front = locked()
    serves(front, certs)
    wanted = {"the name of the host": b"shop.example.test"}
    for kind in ("rsa", "ecdsa"):
        lines = (certs / f"shop.example.test.{kind}.key").read_text().splitlines()
        body = [line for line in lines if "-----" not in line]
        wanted[f"{kind}: a line of the file"] = body[1].encode()
        der = base64.b64decode("".join(body))
        at = der.index(b"\x04\x20") if kind == "ecdsa" else len(der) - 32  # RFC 5915: the number; RFC 8017: the last one, qInv
        wanted[f"{kind}: its bytes"] = der[at:at + 32]
    found = set()
    for part in memory(worker(front)):
        found |= {what for what, text in wanted.items() if text in part}
    assert found == {"the name of the host"}
