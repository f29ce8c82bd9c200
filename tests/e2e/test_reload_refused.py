# SPDX-License-Identifier: Apache-2.0
"""Reloads that come to nothing: what is wrong is said with its place, and nothing has changed."""
import os
import shutil
import signal
import socket
import time

import pytest

from harness import SANITIZER, Signet, end_process, free_port, run_signet, talk, tls_client, wait_for

GET = "GET / HTTP/1.1\r\nHost: shop.example.test\r\n\r\n"

CONFIG = """
workers 1
user nobody
listen 127.0.0.1:{port} {
    host shop.example.test {
        certificate shop.crt key=shop.key
        respond 200 "as before"
    }
}
"""
# Root may read everything, unless it gives that right away.
NO_OVERRIDE = ("setpriv", "--bounding-set=-dac_override,-dac_read_search") if os.geteuid() == 0 else ()


@pytest.fixture
def front(tmp_path, certs, cleanup):
    """A signet whose certificate lies beside its configuration."""
    port = free_port()
    front = cleanup(Signet(tmp_path / "front", CONFIG, certs=certs, port=port))
    front.port = port
    for end in ("crt", "key"):
        shutil.copy(certs / f"shop.example.test.ecdsa.{end}", front.folder / f"shop.{end}")
    front.start(wrapper=NO_OVERRIDE)
    yield front
    assert end_process(front.process) == 0
    assert not SANITIZER.search(front.errors()), front.errors()


def place(front, needle):
    """FILE:LINE:COLUMN of a text in the configuration."""
    text = front.config_path.read_text()
    at = text.index(needle)
    return f"{front.config_path}:{text.count(chr(10), 0, at) + 1}:{at - text.rfind(chr(10), 0, at)}"


def edit(front, old, new):
    text = front.config_path.read_text()
    assert old in text
    front.config_path.write_text(text.replace(old, new, 1))


# --- each spoils the configuration of a running signet and returns the place and the words that have to be said

def misspelled(front):
    edit(front, "respond 200", "respnd 200")
    return place(front, "respnd"), 'unknown directive "respnd" in host "shop.example.test"'


def unclosed(front):
    edit(front, "}\n}\n", "}\n")
    return place(front, "listen"), 'the block of "listen" is not closed'


def certificate_missing(front):
    (front.folder / "shop.crt").unlink()
    return place(front, "shop.crt"), f"cannot read {front.folder}/shop.crt: No such file or directory"


def key_of_another(front):
    shutil.copy(front.values["certs"] / "blog.example.test.ecdsa.key", front.folder / "shop.key")
    return place(front, "shop.crt"), "the private key does not match the certificate"


def empty_certificate(front):
    (front.folder / "shop.crt").write_text("")
    return place(front, "shop.crt"), "no certificate found in PEM"


def port_in_use(front):
    front.holder = socket.create_server(("127.0.0.1", free_port()))
    port = front.holder.getsockname()[1]
    edit(front, "listen ", f"listen 127.0.0.1:{port} ")
    return place(front, f"127.0.0.1:{port}"), f"cannot listen on 127.0.0.1:{port}: "


def empty_file(front):
    front.config_path.write_text("")
    return f"{front.config_path}:1:1", "nothing is listened on"


def unreadable(front):
    (front.folder / "shop.key").chmod(0)
    return place(front, "shop.key"), f"cannot read {front.folder}/shop.key: Permission denied"


def path_through_a_file(front):
    edit(front, "shop.crt", "shop.crt/x")
    return place(front, "shop.crt/x"), f"cannot read {front.folder}/shop.crt/x: Not a directory"


def folder_for_a_file(front):
    (front.folder / "shop.crt").unlink()
    (front.folder / "shop.crt").mkdir()
    return place(front, "shop.crt"), f"cannot read {front.folder}/shop.crt: Is a directory"


def unreadable_include(front):
    edit(front, "workers 1", "include gone.conf\nworkers 1")
    return place(front, "gone.conf"), f"cannot read {front.folder}/gone.conf: No such file or directory"


def log_in_no_folder(front):
    edit(front, f"access_log {front.access_path}", "access_log nowhere/a.log")
    return place(front, "access_log"), f"cannot open the log {front.folder}/nowhere/a.log: No such file or directory"


BROKEN = [misspelled, unclosed, certificate_missing, key_of_another, empty_certificate, port_in_use, empty_file, unreadable, path_through_a_file,
          folder_for_a_file, unreadable_include, log_in_no_folder]


def served_as_before(front, connection):
    assert talk(connection, GET).body == b"as before"
    assert talk(tls_client(front.port, front.values["certs"]), GET).body == b"as before"


@pytest.mark.parametrize("spoil", BROKEN, ids=lambda spoil: spoil.__name__)
def test_h79_a_broken_configuration_changes_nothing(front, spoil):
    connection, workers = tls_client(front.port, front.values["certs"]), front.workers()
    served_as_before(front, connection)
    at, words = spoil(front)
    outcome = front.reload()
    assert (outcome.generation, outcome.committed) == (1, False), front.errors()
    assert outcome.line.endswith("the configuration has errors")
    said = [line for line in front.errors().split("\n") if f" error master: {at}: {words}" in line]
    assert len(said) == 1, front.errors()
    command = front.command("reload")
    assert (command.returncode, command.stdout) == (3, "")
    assert f"error: {words}" in command.stderr and f"  --> {at}\n" in command.stderr, command.stderr
    assert command.stderr.endswith("; the running configuration is unchanged\n")
    served_as_before(front, connection)
    assert front.workers() == workers
    if spoil is not port_in_use:  # which no one finds out without listening
        checked = run_signet("check", "-c", front.config_path)
        assert checked.returncode == 3 or spoil is unreadable
    if hasattr(front, "holder"):
        front.holder.close()


def test_h79_every_mistake_is_said_at_once(front):
    edit(front, "workers 1", "workers none\ndrain soon")
    front.reload()
    said = front.errors()
    assert f"error master: {place(front, 'none')}: " in said and f"error master: {place(front, 'soon')}: " in said


def test_h79_a_configuration_that_is_a_folder(front):
    kept = front.config_path.rename(front.folder / "kept")
    front.config_path.mkdir()
    outcome = front.reload()
    assert not outcome.committed and f"error master: cannot read {front.config_path}: Is a directory" in front.errors()
    front.config_path.rmdir()
    kept.rename(front.config_path)
    assert front.reload().committed


def test_h79_after_a_mistake_comes_the_next_one(front):
    """What was refused leaves nothing behind: the next reload has the next number."""
    text = front.config_path.read_text()
    for spoil in (misspelled, port_in_use):
        spoil(front)
        assert not front.reload().committed
        front.config_path.write_text(text)
    front.holder.close()
    edit(front, "as before", "as wished")
    assert front.reload()[:2] == (2, True)
    assert talk(tls_client(front.port, front.values["certs"]), GET).body == b"as wished"


@pytest.mark.parametrize("old, new, words", [
    ("user nobody", "user root", '"user" cannot change by reload; restart signet'),
    ("user nobody", "user nobody root", '"user" cannot change by reload; restart signet'),
    ("sandbox", "sandbox", '"sandbox" cannot change by reload; restart signet'),
    ("workers 1", "workers 1024", "there cannot be so many workers by reload; restart signet"),
    ("workers 1", "limit connections=4000000000 per_ip=1\nworkers 1", '"per_ip" cannot count so many connections by reload; restart signet'),
], ids=["user", "group", "sandbox", "workers", "per_ip"])
def test_what_needs_a_restart_is_refused_in_words(front, old, new, words):
    if old == "sandbox":
        text = front.config_path.read_text()
        new = "sandbox log"
        front.config_path.write_text(text.replace("sandbox off", new) if "sandbox" in text else text + new + "\n")
    else:
        edit(front, old, new)
    outcome = front.reload()
    assert not outcome.committed and outcome.generation == 1
    assert f"error master: {place(front, new)}: {words}" in front.errors(), front.errors()


def test_a_directive_that_is_taken_away_needs_a_restart_too(front):
    edit(front, "user nobody", "user daemon")
    assert not front.reload().committed
    edit(front, "user daemon\n", "")  # nobody is the default of root
    assert front.reload().committed or os.geteuid() != 0


# --- the process that reads

def readers(front):
    """Children that are no workers: they run no other program."""
    return [pid for pid in front.workers() if not (b"worker" in open(f"/proc/{pid}/cmdline", "rb").read())]


def begin_slowly(front):
    """A reload whose reader waits for a pipe that nobody writes into, for two seconds."""
    (front.folder / "shop.key").unlink()
    os.mkfifo(front.folder / "shop.key")
    writer = os.open(front.folder / "shop.key", os.O_RDWR)
    front.process.send_signal(signal.SIGHUP)
    return writer, wait_for("reader", lambda: readers(front))[0]


def test_a_reader_that_waits_holds_up_nobody(front):
    writer, _ = begin_slowly(front)
    before, = [pid for pid in front.workers() if pid not in readers(front)]
    begin = time.monotonic()
    os.kill(before, signal.SIGKILL)
    wait_for("another worker", lambda: f"worker 0 (pid {before})" in front.errors() and front.errors().count(" is ready\n") == 2)
    assert readers(front) and time.monotonic() - begin < 2
    wait_for("outcome", front.outcomes)
    assert f"cannot read {front.folder}/shop.key: Connection timed out" in front.errors()
    os.close(writer)


def test_a_reader_that_falls_changes_nothing(front):
    writer, reader = begin_slowly(front)
    os.kill(reader, signal.SIGKILL)
    outcome, = wait_for("outcome", front.outcomes)
    assert not outcome.committed and "the process that read it was killed by signal 9 (Killed)" in outcome.line
    os.close(writer)


def test_signals_to_the_whole_group_are_not_the_readers(front):
    writer, reader = begin_slowly(front)
    for sig in (signal.SIGHUP, signal.SIGUSR1, signal.SIGINT):
        os.kill(reader, sig)
    outcome, = wait_for("outcome", front.outcomes)
    assert f"cannot read {front.folder}/shop.key: Connection timed out" in front.errors()
    os.close(writer)


def test_ending_ends_a_reload(front):
    writer, reader = begin_slowly(front)
    begin = time.monotonic()
    assert end_process(front.process) == 0
    assert time.monotonic() - begin < 1.5  # before the reader is through
    assert not os.path.exists(f"/proc/{reader}")
    assert "the running configuration is unchanged (generation 1): signet is ending" in front.errors()
    os.close(writer)


def is_gone(pid):
    """Ended, though nobody may have asked yet how."""
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return True


def test_the_reader_dies_with_the_master(front):
    writer, reader = begin_slowly(front)
    front.process.kill()
    front.process.wait()
    wait_for("end of the reader", lambda: is_gone(reader), 1.5)
    front.process.returncode = 0  # so far as the fixture is concerned
    os.close(writer)
