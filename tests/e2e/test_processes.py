# SPDX-License-Identifier: Apache-2.0
"""Master and workers: who falls, who replaces, how it ends."""
import contextlib
import ctypes
import os
import pathlib
import random
import signal
import socket
import subprocess
import threading
import time

import pytest

from harness import (SIGNET, DEADLINE, Signet, answering, curl, end_group, for_this_build, free_port, listening, read_response, run_signet, start_group, talk,
                     tls_client, wait_for)

GET = "GET / HTTP/1.1\r\nHost: shop.example.test\r\n\r\n"


@pytest.fixture
def groups():
    """An ExitStack for the processes that a test starts by itself."""
    with contextlib.ExitStack() as stack:
        yield stack


def with_workers(signet, origin_port, workers, **values):
    return signet("""
workers {workers}
pool app { server 127.0.0.1:{origin} }
listen 127.0.0.1:{port} {
    host shop.example.test {
        certificate {certs}/shop.example.test.ecdsa.crt key={certs}/shop.example.test.ecdsa.key
        proxy app
    }
}
""", origin=origin_port, workers=workers, **values)


def answers(connection):
    """Is this connection still served? Asked in a thread of its own: OpenSSL's error queue is the thread's, and Python's ssl takes one
    connection's error for the next one's."""
    result = []

    def ask():
        with contextlib.suppress(OSError, EOFError):
            result.append(talk(connection, GET).status == 200)
    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()
    return result == [True]


def test_h74_a_killed_worker_costs_its_own_connections_alone(signet, origin, certs):
    front = with_workers(signet, origin(answering()).port, 2)
    first, second = front.workers()
    connections = [tls_client(front.port, certs) for _ in range(24)]
    for connection in connections:
        assert talk(connection, GET).status == 200
    os.kill(first, signal.SIGKILL)
    # New connections never fail: the fallen one's queue is lent.
    for _ in range(20):
        assert curl(front.port, certs=certs).stdout == b"ok"
    assert 0 < sum(map(answers, connections)) < 24
    wait_for("replacement", lambda: len(front.workers()) == 2 and first not in front.workers(), 2)
    assert second in front.workers()
    assert f"{first}" in front.errors()


def test_h75_a_crash_loop_backs_off(signet, origin, certs):
    front = with_workers(signet, origin(answering()).port, 1)
    end = time.monotonic() + 3
    killed = set()
    while time.monotonic() < end:
        for pid in front.workers():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                killed.add(pid)
        time.sleep(0.02)
    assert 2 <= len(killed) < 15
    wait_for("service", lambda: curl(front.port, certs=certs).stdout == b"ok", 8)


def test_a_worker_that_never_gets_ready_is_lent_for_once(signet, origin, certs):
    front = with_workers(signet, origin(answering()).port, 2)
    first, neighbour = front.workers()
    wait_for("socket of its own", lambda: listening(neighbour) == 1)
    os.kill(first, signal.SIGKILL)
    killed = []
    while len(killed) < 4:  # each before it can say that it is ready, as a rule
        for pid in set(front.workers()) - {neighbour, first, *killed}:
            os.kill(pid, signal.SIGKILL)
            killed.append(pid)
        time.sleep(0.001)
    wait_for("loan", lambda: listening(neighbour) == 2)
    loans = front.errors().count("accepts for worker")
    assert loans == 1 + sum(f"(pid {pid}) is ready" in front.errors() for pid in killed)
    wait_for("replacement", lambda: len(front.workers()) == 2 and listening(neighbour) == 1, 8)
    assert curl(front.port, certs=certs).stdout == b"ok"


def test_a_worker_does_not_keep_the_text_of_a_key(signet, origin, certs):
    """What was built from the bundle stays, the bundle does not: no line of a private key is found in the worker's memory."""
    front = with_workers(signet, origin(answering()).port, 1)
    assert curl(front.port, certs=certs).stdout == b"ok"
    line = (certs / "shop.example.test.ecdsa.key").read_bytes().split(b"\n")[1]
    assert len(line) == 64
    worker, = front.workers()
    try:
        memory = open(f"/proc/{worker}/mem", "rb", buffering=0)
    except PermissionError:
        pytest.skip("may not look into the worker")
    with memory:
        for mapping in pathlib.Path(f"/proc/{worker}/maps").read_text().splitlines():
            begin, end = (int(at, 16) for at in mapping.split()[0].split("-"))
            if not mapping.split()[1].startswith("rw") or end - begin > 1 << 28:  # ASan's shadow is larger
                continue
            memory.seek(begin)
            with contextlib.suppress(OSError):
                assert line not in memory.read(end - begin), mapping
    assert not [fd for fd in os.listdir(f"/proc/{worker}/fd") if "bundle" in os.readlink(f"/proc/{worker}/fd/{fd}")]


def test_term_drains(signet, origin, certs):
    release = threading.Event()

    def script(peer, origin):
        peer.read_head()
        release.wait(DEADLINE)
        peer.answer(b"late")

    front = with_workers(signet, origin(script).port, 2)
    idle, busy = tls_client(front.port, certs), tls_client(front.port, certs)
    busy.sendall(GET.encode())
    time.sleep(0.2)
    front.process.send_signal(signal.SIGTERM)
    assert idle.recv(10) == b""
    wait_for("closed door", lambda: socket.socket().connect_ex(("127.0.0.1", front.port)) != 0)
    assert front.process.poll() is None
    release.set()
    answer = read_response(busy)
    assert answer.body == b"late" and answer.fields["connection"] == "close"
    assert front.process.wait(DEADLINE) == 0
    assert front.record()["status"] == 200


def test_a_second_term_ends_at_once(signet, origin, certs):
    front = with_workers(signet, origin(lambda peer, o: peer.read_head()).port, 2)
    busy = tls_client(front.port, certs)
    busy.sendall(GET.encode())
    time.sleep(0.2)
    front.process.send_signal(signal.SIGTERM)
    time.sleep(0.3)
    assert front.process.poll() is None
    begin = time.monotonic()
    front.process.send_signal(signal.SIGTERM)
    assert front.process.wait(DEADLINE) == 0
    assert time.monotonic() - begin < 2


def test_an_idle_connection_does_not_delay_the_end(signet, origin, certs):
    front = with_workers(signet, origin(answering()).port, 2)
    idle = tls_client(front.port, certs)
    assert talk(idle, GET).status == 200
    begin = time.monotonic()
    front.process.send_signal(signal.SIGINT)
    assert front.process.wait(DEADLINE) == 0
    assert time.monotonic() - begin < 3


def test_workers_ignore_the_signals_of_the_terminal(signet, origin, certs):
    front = with_workers(signet, origin(answering()).port, 2)
    workers = front.workers()
    for pid in workers:
        for sig in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2):
            os.kill(pid, sig)
    time.sleep(0.3)
    assert front.workers() == workers
    assert curl(front.port, certs=certs).stdout == b"ok"


def test_h77_a_killed_master_takes_its_workers_along_and_a_new_one_binds(signet, origin, certs, tmp_path, cleanup):
    front = with_workers(signet, origin(answering()).port, 2)
    workers = front.workers()
    front.process.kill()
    front.process.wait()
    again = Signet(tmp_path / "again", front.config_path.read_text().replace(str(front.folder), str(tmp_path / "again")))
    cleanup(again).start()
    assert curl(front.port, certs=certs).stdout == b"ok"
    wait_for("end of the old workers", lambda: not any(pathlib.Path(f"/proc/{p}").exists() for p in workers))
    again.stop()


def test_h77_what_was_in_flight_ends_under_a_new_master(signet, origin, certs, tmp_path, cleanup):
    """The workers of a killed master close their doors at once, however long their last requests take."""
    release = threading.Event()

    def script(peer, origin):
        while True:
            if "/slow" in peer.read_head():
                release.wait(DEADLINE)
            peer.answer(b"ok")
    front = with_workers(signet, origin(script).port, 2)
    slow = [tls_client(front.port, certs) for _ in range(8)]
    for connection in slow:
        connection.sendall(GET.replace("/", "/slow", 1).encode())
    time.sleep(0.3)
    workers = front.workers()
    front.process.kill()
    front.process.wait()
    again = Signet(tmp_path / "again", front.config_path.read_text().replace(str(front.folder), str(tmp_path / "again")))
    begin = time.monotonic()
    cleanup(again).start()
    assert time.monotonic() - begin < 3
    for _ in range(10):
        assert curl(front.port, certs=certs).stdout == b"ok"
    release.set()
    for connection in slow:
        assert read_response(connection).body == b"ok"
    wait_for("end of the old workers", lambda: not any(pathlib.Path(f"/proc/{p}").exists() for p in workers))
    again.stop()


def descriptor_of(pid, number):
    """A copy of another process' descriptor (pidfd_getfd(2)), as a socket."""
    PIDFD_GETFD = 438
    libc = ctypes.CDLL(None, use_errno=True)
    pidfd = os.pidfd_open(pid)
    fd = libc.syscall(PIDFD_GETFD, pidfd, number, 0)
    os.close(pidfd)
    if fd < 0:
        pytest.skip("may not take a descriptor out of another process")
    return socket.socket(fileno=fd)


def channels_of(master):
    """The master's ends: seqpacket sockets that have another end."""
    for name in os.listdir(f"/proc/{master}/fd"):
        if not os.readlink(f"/proc/{master}/fd/{name}").startswith("socket:"):
            continue
        copy = descriptor_of(master, int(name))
        if copy.family == socket.AF_UNIX and copy.type == socket.SOCK_SEQPACKET:
            yield copy


def test_noise_on_the_channel_is_refused(signet, origin, certs):
    """Both ways: a few messages without sense are logged and change nothing, and a worker that says nothing else is replaced."""
    front = with_workers(signet, origin(answering()).port, 2)
    first, second = workers = front.workers()
    noise = random.Random(7)
    with descriptor_of(first, 3) as channel:
        for length in (1, 19, 20, 531, 532, 5000):
            channel.send(noise.randbytes(length))
    for channel in channels_of(front.process.pid):
        with channel:
            for length in (1, 19, 20, 531, 532, 5000):
                channel.send(noise.randbytes(length))
    wait_for("words about it", lambda: front.errors().count("the master sent") == 12)
    assert front.errors().count(f"worker 0 (pid {first}) sent") == 6
    assert front.workers() == workers and curl(front.port, certs=certs).stdout == b"ok"

    with descriptor_of(first, 3) as channel, contextlib.suppress(OSError):
        for _ in range(1000):
            channel.send(noise.randbytes(20))
    wait_for("end of it", lambda: first not in front.workers())
    assert front.errors().count(f"worker 0 (pid {first}) sent") < 20
    wait_for("replacement", lambda: len(front.workers()) == 2)
    assert second in front.workers() and curl(front.port, certs=certs).stdout == b"ok"


def test_a_second_instance_is_refused(signet, origin, certs):
    front = with_workers(signet, origin(answering()).port, 1)
    begin = time.monotonic()
    done = run_signet("run", "-c", front.config_path)
    assert done.returncode == 3 and "in use" in done.stderr and str(front.process.pid) in done.stderr
    assert time.monotonic() - begin < 10


def test_one_socket_per_worker_and_address(signet, origin):
    front = with_workers(signet, origin(answering()).port, 3)
    lines = [l.split() for l in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]]
    listening = [l for l in lines if l[3] == "0A" and int(l[1].split(":")[1], 16) == front.port]
    assert len(listening) == 3 and len(front.workers()) == 3


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_root_drops_to_its_user(signet, origin, certs):
    front = with_workers(signet, origin(answering()).port, 2)
    for pid in front.workers():
        status = pathlib.Path(f"/proc/{pid}/status").read_text()
        uids = [line.split()[1:] for line in status.splitlines() if line.startswith(("Uid", "Gid"))]
        assert all(value != "0" for ids in uids for value in ids), status
        assert "NoNewPrivs:\t1" in status
        assert [l for l in status.splitlines() if l.startswith("Groups:")][0].split()[1:] in ([], ["65534"])
        assert [l for l in status.splitlines() if l.startswith("CapEff")][0].split()[1] == "0" * 16


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become nobody")
def test_works_unprivileged(origin, certs, groups):
    import shutil
    folder = pathlib.Path("/tmp") / f"signet-unprivileged-{os.getpid()}"
    folder.mkdir()
    try:
        for name in ("crt", "key"):
            shutil.copy(certs / f"shop.example.test.ecdsa.{name}", folder / name)
        shutil.copy(SIGNET, folder / "signet")
        port = free_port()
        (folder / "signet.conf").write_text(for_this_build(f"""
access_log off
error_log stderr
pool app {{ server 127.0.0.1:{origin(answering()).port} }}
listen 127.0.0.1:{port} {{ host shop.example.test {{ certificate {folder}/crt key={folder}/key
 proxy app }} }}
"""))
        os.chmod(folder, 0o755)
        for file in folder.iterdir():
            os.chown(file, 65534, 65534)
        process = start_group(folder / "signet", "run", "-c", folder / "signet.conf", user=65534, group=65534, extra_groups=[],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        groups.callback(end_group, process)
        wait_for("service", lambda: curl(port, certs=certs).stdout == b"ok")
        process.terminate()
        assert process.wait(DEADLINE) == 0
    finally:
        shutil.rmtree(folder)


def test_pid_file(signet, origin, tmp_path, certs, groups):
    front = with_workers(signet, origin(answering()).port, 1)
    config = front.config_path.read_text().replace(str(front.port), str(free_port())).replace(str(front.control_path), str(tmp_path / "sock"))
    (tmp_path / "c").write_text(config)
    process = start_group(SIGNET, "run", "-c", tmp_path / "c", "--pid-file", tmp_path / "pid", stderr=subprocess.DEVNULL)
    groups.callback(end_group, process)
    wait_for("pid file", (tmp_path / "pid").exists, pause=0)
    wait_for("pid", lambda: (tmp_path / "pid").read_text().strip() == str(process.pid), pause=0)
    process.send_signal(signal.SIGHUP)  # whoever reads the file may do so, however early it is
    process.terminate()
    assert process.wait(DEADLINE) == 0
    assert not (tmp_path / "pid").exists()
