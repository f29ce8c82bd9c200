# SPDX-License-Identifier: Apache-2.0
"""From the bytes of clients to findings: what Signet forwards of each is put before the five origins."""
import asyncio
import collections
import dataclasses

from allowed import stands_alone
from judge import judge, view
from origins import PATIENCE
from reading import NotOurs, Request, read_all, request_of

BATCH = 24  # units a connection: when one is read otherwise, all of them are asked again


@dataclasses.dataclass
class Unit:
    """What went upstream on one connection of one case."""
    number: int  # of the case, in the order given
    data: bytes
    wanted: list
    cut: Request | None
    pieces: list  # the bytes of each request


@dataclasses.dataclass
class Finding:
    number: int
    what: str
    forwarded: bytes = b""
    seen: str = ""


@dataclasses.dataclass
class Tally:
    cases: int = 0
    forwarded: int = 0  # cases of which something went upstream
    refused: int = 0    # cases in which the client was told an error
    requests: int = 0   # whole ones, upstream
    cut: int = 0        # upstream connections that ended inside a request
    excused: collections.Counter = dataclasses.field(default_factory=collections.Counter)


class Sentinels:
    """Requests with a path of their own behind the forwarded ones; the last of a connection ends it."""

    def __init__(self):
        self.count = 0

    def next(self, last):
        self.count += 1
        target, host = f"/sentinel-{self.count}", "sentinel.test"
        fields = [("Host", host)] + [("Connection", "close")] * last
        data = f"GET {target} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in fields) + "\r\n"
        return data.encode(), request_of("GET", target, fields, b"")


class Differ:
    def __init__(self, origins, forwarder, patience=PATIENCE):
        self.origins, self.forwarder, self.patience = origins, forwarder, patience
        self.sentinels = Sentinels()
        self.tally = Tally()

    async def findings(self, cases):
        """The findings of these cases."""
        found, whole, alone = [], [], []
        for number, result in enumerate(await self.forwarder.forward(cases)):
            try:
                units = self._units(number, result)
            except NotOurs as wrong:
                found.append(Finding(number, f"Signet wrote what it must not: {wrong}", b"|".join(result.upstream)))
                continue
            found += self._count(number, result, units)
            for unit in units:
                (alone if unit.cut or stands_alone(unit.wanted) else whole).append(unit)
        batches = [whole[at:at + BATCH] for at in range(0, len(whole), BATCH)]
        for part in await asyncio.gather(*map(self._batch, batches), *map(self._alone, alone)):
            found += part
        return found

    @staticmethod
    def _units(number, result):
        return [Unit(number, data, *read_all(data)) for data in result.upstream if data]

    def _count(self, number, result, units):
        """Signet's own view: as many answers as requests that it has sent whole."""
        requests = sum(len(unit.wanted) for unit in units)
        self.tally.cases += 1
        self.tally.forwarded += bool(units)
        self.tally.refused += any(status != 200 for status in result.statuses)
        self.tally.requests += requests
        self.tally.cut += sum(unit.cut is not None for unit in units)
        answers = result.statuses.count(200)
        if answers == requests:
            return []
        return [Finding(number, f"{answers} answers to {requests} requests", b"|".join(result.upstream))]

    async def _batch(self, units):
        """All on one connection and at once, which finds more than Signet's own way: it sends nothing before the answer. Only when
        somebody differs each is asked alone, so that it can be told who."""
        if not await self._together(units):
            return []
        alone = [finding for unit in units for finding in await self._alone(unit)]
        return alone or await self._together(units)

    async def _together(self, units):
        data, wanted = b"", []
        for unit in units:
            sentinel, reading = self.sentinels.next(unit is units[-1])
            data += unit.data + sentinel
            wanted += [*unit.wanted, reading]
        return await self._ask(units[0].number, [data], wanted)

    async def _alone(self, unit):
        if unit.cut:
            return await self._ask(unit.number, unit.pieces, unit.wanted, unit.cut)
        sentinel, reading = self.sentinels.next(True)
        return await self._ask(unit.number, [*unit.pieces, sentinel], [*unit.wanted, reading])

    async def _ask(self, number, pieces, wanted, cut=None):
        answers = await self.origins.ask_all(pieces, cut is not None, self.patience)
        wrong = judge(wanted, answers, self.tally.excused)
        if not wrong:
            return []
        words = "; ".join(f"{origin}: {what}" for origin, what in wrong.items())
        return [Finding(number, words, b"".join(pieces), view(answers))]


def batches_of(cases, size):
    batch = []
    for case in cases:
        batch.append(case)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
