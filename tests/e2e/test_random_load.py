# SPDX-License-Identifier: Apache-2.0
"""Many clients with random bodies both ways, on connections that are kept, shared and broken off at random: whatever is answered in
full is the right answer to the right request, and when all is over nothing is left."""
import asyncio
import contextlib
import hashlib
import os
import random
import socket
import ssl
import struct
import sys
import time

import pytest

from gauges import descriptors, memory_kb
from harness import SANITIZED, ROOT, ProcessOrigin, free_port, wait_for
from origins.seeded import bytes_of, hash_body, read_line

LONG = os.environ.get("SIGNET_LONG_TESTS") == "1"
CLIENTS, SECONDS = (200, 60) if LONG else (40, 8)
BODY_MAX = 1 << 20
BROKEN = (EOFError, ConnectionError, ssl.SSLError)  # how a connection that ends is seen
SEED = 20240607  # of all choices; what the machine makes of them differs from run to run


class Tally:
    def __init__(self):
        self.complete = self.aborted = self.cut = self.bytes = 0
        self.wrong = []


class Request:
    """One request, all of it chosen at random."""

    def __init__(self, dice, name):
        self.seed = name
        # Mostly small, so that there are many.
        largest = dice.choice([0, 1, 100, 5000, 20_000, 70_000, 300_000, BODY_MAX])
        self.up = dice.randrange(largest + 1)
        self.down = dice.randrange(dice.choice([1, 100, 20_000, 300_000, BODY_MAX]) + 1)
        self.chunked = dice.random() < 0.4
        self.end = dice.choices(["", "chunked", "cut"], [10, 8, 1])[0]
        if self.end == "cut":
            self.down += 2  # else it may be whole
        self.body = bytes_of("up" + name, self.up)

    def write(self):
        framing = "Transfer-Encoding: chunked" if self.chunked else f"Content-Length: {self.up}"
        head = (f"POST /{self.seed}/{self.down}/{self.end} HTTP/1.1\r\nHost: shop.example.test\r\n{framing}\r\n\r\n").encode()
        if not self.chunked:
            return head + self.body
        size = 1 + self.up // 5
        parts = [self.body[at:at + size] for at in range(0, self.up, size)]
        return head + b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


async def read_answer(reader, request, tally):
    """Whole and right, or it is among the wrong ones; raises BROKEN when it is cut. Returns whether another may follow."""
    status = int((await read_line(reader)).split(" ")[1])
    fields = {}
    while line := await read_line(reader):
        name, value = line.split(":", 1)
        fields[name.lower()] = value.strip()
    body = await hash_body(reader, fields)
    wanted = {"x-seed": request.seed, "x-body-sha256": hashlib.sha256(request.body).hexdigest()}
    if status == 502 and request.end == "cut":
        tally.cut += 1  # the cut came before the head was read
    elif status != 200 or {name: fields.get(name) for name in wanted} != wanted:
        tally.wrong.append((request.seed, status, fields))
    elif body != hashlib.sha256(bytes_of(request.seed, request.down)).hexdigest():
        tally.wrong.append((request.seed, "body", request.down, request.end))
    elif request.end == "cut":
        tally.wrong.append((request.seed, "complete though it was cut"))
    else:
        tally.complete += 1
        tally.bytes += request.up + request.down
    return fields.get("connection") != "close"


def drop(writer):
    with contextlib.suppress(AttributeError):  # what asyncio raises for a TLS connection that has ended already
        writer.transport.abort()


async def abort(dice, reader, writer, data):
    """Leaves in the middle: of the request, while waiting, or of the answer; with a reset, a FIN, or a close_notify and a FIN."""
    writer.write(data[:dice.randrange(len(data) + 1)])
    await asyncio.sleep(dice.random() * 0.05)
    if dice.random() < 0.5:
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(reader.read(dice.randrange(1, 50_000)), 0.2)
    how = dice.choice(["reset", "fin", "notify"])
    raw = writer.get_extra_info("socket")  # None: it has ended already
    if how == "reset" and raw is not None:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    if how == "notify":
        writer.close()
    else:
        drop(writer)


async def talk(dice, name, reader, writer, tally):
    """One connection's worth of requests: some alone, some pipelined, perhaps an abort."""
    for batch in range(dice.randrange(1, 6)):
        requests = [Request(dice, f"{name}.{batch}.{n}") for n in range(dice.choice([1, 1, 1, 2, 4]))]
        data = b"".join(request.write() for request in requests)
        if dice.random() < 0.15:
            tally.aborted += 1
            await abort(dice, reader, writer, data)
            return
        writer.write(data)  # goes out while the answers come in
        for at, request in enumerate(requests):
            try:
                if not await read_answer(reader, request, tally):
                    return
            except BROKEN as error:
                # The end of a later one may overtake an answer that is still on its way.
                if any(later.end == "cut" for later in requests[at:]):
                    tally.cut += 1
                else:
                    tally.wrong.append((request.seed, repr(error)))
                return


async def client(number, port, context, until, tally):
    dice = random.Random(SEED + number)
    round_ = 0
    while time.monotonic() < until:
        round_ += 1
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname="shop.example.test",
                                                       limit=1 << 20)
        try:
            await asyncio.wait_for(talk(dice, f"{number}.{round_}", reader, writer, tally), 120)
        except BROKEN:
            pass  # it was leaving anyway
        finally:
            drop(writer)


async def watch(pids, until, seen):
    while time.monotonic() < until:
        seen.append(memory_kb(pids))
        await asyncio.sleep(0.25)


async def load(front, certs, tally, seen):
    context = ssl.create_default_context(cafile=str(certs / "ca.crt"))
    until = time.monotonic() + SECONDS
    clients = [client(n, front.port, context, until, tally) for n in range(CLIENTS)]
    await asyncio.gather(*clients, watch(front.workers(), until, seen))


@pytest.fixture
def seeded(cleanup, tmp_path):
    port = free_port()
    return cleanup(ProcessOrigin([sys.executable, ROOT / "tests/e2e/origins/seeded.py", port], port, tmp_path, "seeded"))


@pytest.mark.long
def test_random_load(signet, seeded, certs):
    front = signet("""
workers 2
pool app {
    server 127.0.0.1:{origin}
    keepalive 16 idle=1s
}
listen 127.0.0.1:{port} {
    host shop.example.test {
        certificate {certs}/shop.example.test.ecdsa.crt key={certs}/shop.example.test.ecdsa.key
        proxy app
    }
}
""", origin=seeded.port)
    pids = front.workers()
    before = descriptors(pids)
    tally, seen = Tally(), []
    asyncio.run(load(front, certs, tally, seen))
    print(f"{CLIENTS} clients, {SECONDS} s: {tally.complete} answers ({tally.bytes >> 20} MiB), {tally.aborted} aborted, {tally.cut} cut")

    assert tally.wrong == [] and front.workers() == pids
    assert tally.complete > 5 * SECONDS and tally.aborted > SECONDS and tally.cut > 0
    wait_for("end of every connection", lambda: descriptors(pids) == before)
    half = len(seen) // 2
    first, second = max(seen[:half]), max(seen[half:])
    print(f"memory of both workers: at most {first} kB in the first half, {second} kB in the second, {memory_kb(pids)} kB afterwards")
    # What a random load happens to hold at one moment differs by a few buffers.
    assert second < first * (1.5 if SANITIZED else 1.2) + 4000
