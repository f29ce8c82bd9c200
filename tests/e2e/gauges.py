# SPDX-License-Identifier: Apache-2.0
"""What can be read of processes from outside: memory, descriptors, connections. And a canary: whether others are served meanwhile."""
import os
import pathlib
import re
import socket
import ssl
import subprocess
import threading
import time

from harness import DEADLINE, SANITIZED, read_response  # SANITIZED for those who judge what is read here

ESTABLISHED = "01"  # as /proc/net/tcp writes it


def memory_kb(pids):
    """kB of memory these processes use now; of what they share, their part (Pss)."""
    def pss(pid):
        lines = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        return int(next(line.split()[1] for line in lines if line.startswith("Pss:")))
    return sum(map(pss, pids))


def descriptors(pids):
    return sum(len(os.listdir(f"/proc/{pid}/fd")) for pid in pids)


def cpu_seconds(pids):
    """That these processes have used so far, themselves and in the kernel."""
    def ticks(pid):
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return int(fields[11]) + int(fields[12])
    return sum(map(ticks, pids)) / os.sysconf("SC_CLK_TCK")


def accepted(port):
    """TCP connections that are open at this local port."""
    end = f":{port:04X}"
    rows = (line.split() for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:])
    return sum(row[1].endswith(end) and row[3] == ESTABLISHED for row in rows)


def in_kernel(pid):
    """kB that the kernel holds for the TCP connections of a process: received and unread (r), written and not acknowledged (w),
    set aside (f). And how many connections those are."""
    listing = subprocess.run(["ss", "-tmpnHO"], capture_output=True, text=True, check=True).stdout
    mine = [line for line in listing.splitlines() if f"pid={pid}," in line and line.startswith(("ESTAB", "CLOSE-WAIT", "FIN-WAIT"))]
    total = 0
    for line in mine:
        held = dict(re.findall(r"\b(r|w|f)(\d+)", line.split("skmem:(")[1]))
        total += sum(map(int, held.values()))
    return total // 1024, len(mine)


class Watch:
    """Within `with`, looks at a process every 50 ms. `growth` is the most that its own and the kernel's memory together grew by, in
    kB."""

    def __init__(self, pid):
        self.pid = pid
        self.before = memory_kb([pid])
        self.growth = 0
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._look)

    def _look(self):
        while not self.over.wait(0.05):
            self.growth = max(self.growth, memory_kb([self.pid]) - self.before + in_kernel(self.pid)[0])

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()


class Canary:
    """Asks 50 times a second, on an even beat; every tenth time on a new connection, or as `fresh_every` says (0: never). A request that could not begin in time counts
    from when it was due: who waits for the one before it waits too."""
    RATE = 50

    def __init__(self, port, certs, path="/canary", rate=RATE, fresh_every=10):
        self.port, self.path, self.rate, self.fresh_every = port, path, rate, fresh_every
        self.seconds = []  # that each request took
        self.errors = []
        self.stopping = threading.Event()
        self.context = ssl.create_default_context(cafile=str(certs / "ca.crt"))
        self.connection = None
        self.thread = threading.Thread(target=self._sing)
        self.thread.start()

    def _ask(self, number):
        if self.fresh_every and number % self.fresh_every == 0 and self.connection is not None:
            self.connection.close()
            self.connection = None
        if self.connection is None:
            raw = socket.create_connection(("127.0.0.1", self.port), DEADLINE)
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # else the request may wait 40 ms for an acknowledgement
            self.connection = self.context.wrap_socket(raw, server_hostname="shop.example.test")
        path = f"{self.path}?{number}"
        self.connection.sendall(f"GET {path} HTTP/1.1\r\nHost: shop.example.test\r\n\r\n".encode())
        answer = read_response(self.connection)
        if answer.status != 200 or path.encode() not in answer.body:
            raise AssertionError(f"{answer.status} {answer.body[:200]!r}")

    def _sing(self):
        begin = time.monotonic()
        number = 0
        while not self.stopping.wait(max(0, begin + number / self.rate - time.monotonic())):
            try:
                self._ask(number)
            except Exception as error:  # whatever it is: it is what the test looks for
                self.errors.append((number, repr(error)))
                self.connection = None
            self.seconds.append(time.monotonic() - begin - number / self.rate)
            number += 1
        if self.connection is not None:
            self.connection.close()

    def p99(self):
        return sorted(self.seconds)[len(self.seconds) * 99 // 100]

    def close(self):
        self.stopping.set()
        self.thread.join()
