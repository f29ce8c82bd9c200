# SPDX-License-Identifier: Apache-2.0
"""Signet without sockets: tests/loop/forwarder.c takes what clients send and tells what went upstream."""
import asyncio
import dataclasses
import struct


@dataclasses.dataclass(frozen=True)
class Forwarded:
    statuses: tuple  # of the final answers to the client
    upstream: tuple  # bytes a connection


class Forwarder:
    def __init__(self, process):
        self.process = process
        self.turn = asyncio.Lock()

    @classmethod
    async def start(cls, program, env=None):
        pipe = asyncio.subprocess.PIPE
        return cls(await asyncio.create_subprocess_exec(program, stdin=pipe, stdout=pipe, env=env))

    async def forward(self, cases):
        """One Forwarded for each of them: the bytes that a client sends on one connection, before its FIN."""
        async with self.turn:
            sending = asyncio.create_task(self._send(cases))
            results = [await self._result() for _ in cases]
            await sending
        return results

    async def _send(self, cases):
        for case in cases:
            self.process.stdin.write(struct.pack(">I", len(case)) + case)
        await self.process.stdin.drain()

    async def _result(self):
        statuses = [await self._number() for _ in range(await self._number())]
        upstream = [await self._exactly(await self._number()) for _ in range(await self._number())]
        return Forwarded(tuple(statuses), tuple(upstream))

    async def _number(self):
        return struct.unpack(">I", await self._exactly(4))[0]

    async def _exactly(self, count):
        try:
            return await self.process.stdout.readexactly(count)
        except asyncio.IncompleteReadError:
            raise RuntimeError(f"the forwarder ended with {await self.process.wait()}") from None

    async def stop(self):
        """True when it ended well: nothing leaked, no sanitizer spoke."""
        self.process.stdin.close()
        return await self.process.wait() == 0
