# SPDX-License-Identifier: Apache-2.0
"""A reload that names a file on a file system that hangs: who reads it cannot even be killed, and holds up nobody."""
import os
import signal
import socket
import time

import pytest

from harness import SANITIZER, Signet, end_process, free_port, talk, wait_for
from hung_files import HungFiles

CONFIG = "workers 1\nlisten 127.0.0.1:{port} {\n host shop.example.test {\n respond 200 here\n }\n}\n"
HUNG = CONFIG.replace("respond", "certificate {hung}/shop.crt key={hung}/shop.key\n respond")


@pytest.fixture
def hung(tmp_path, cleanup):
    folder = tmp_path / "hung"
    folder.mkdir()
    try:
        return cleanup(HungFiles(folder))
    except OSError as e:
        pytest.skip(f"no file system can be mounted here: {e}")


@pytest.fixture
def front(tmp_path, hung, cleanup):
    """A signet whose reader has just begun to wait for ever."""
    port = free_port()
    front = cleanup(Signet(tmp_path / "front", CONFIG, port=port, hung=tmp_path / "hung"))
    front.port = port
    front.start()
    front.write_config(HUNG)
    front.process.send_signal(signal.SIGHUP)
    assert hung.asked.wait(5)
    return front


def answer(front):
    with socket.create_connection(("127.0.0.1", front.port), 2) as connection:
        return talk(connection, "GET / HTTP/1.1\r\nHost: shop.example.test\r\n\r\n").status


def test_the_end_waits_for_no_reader(front):
    begin = time.monotonic()
    assert end_process(front.process) == 0
    assert time.monotonic() - begin < 3
    assert not SANITIZER.search(front.errors()), front.errors()


def test_a_reader_that_cannot_be_killed_is_given_up(front, hung):
    """The master goes on with all it has to do, and reaps the reader once it can end."""
    wait_for("the refusal", lambda: "reading it took longer than" in front.errors(), 20)
    assert "is killed and does not end" in front.errors()
    reader = max(front.workers())
    (worker,) = set(front.workers()) - {reader}
    os.kill(worker, signal.SIGKILL)
    wait_for("another worker", lambda: worker not in front.workers() and len(front.workers()) == 2, 2)
    assert wait_for("service", lambda: answer(front), 2) == 200
    assert front.reload(CONFIG).committed
    hung.close()
    wait_for("its end", lambda: reader not in front.workers(), 2)
    front.stop()
