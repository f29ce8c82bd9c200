# SPDX-License-Identifier: Apache-2.0
"""The long run of the differential test, for tools/fuzz-differential: seeded cases through Signet, and before the five origins."""
import argparse
import asyncio
import contextlib
import signal
import sys
import time

import corpus
import mutate
from differ import Differ, batches_of
from forwarder import Forwarder
from origins import Origins

BATCH = 96          # cases handed to the forwarder at once
WORKERS = 3         # batches on their way, so that no origin waits for this program
SHRINK_TRIES = 200  # what may be tried to make a finding small
FINDINGS_MAX = 20   # then there is enough to do


def arguments():
    parser = argparse.ArgumentParser(prog="tools/fuzz-differential", description=__doc__)
    parser.add_argument("--cases", type=int, default=100_000, help="how many mutated cases, behind the whole corpus (%(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="case N of a seed is always the same (%(default)s)")
    parser.add_argument("--only", type=int, metavar="N", help="case N alone")
    parser.add_argument("--forwarder", required=True, help=argparse.SUPPRESS)
    return parser.parse_args()


def numbered_cases(args):
    """(name, bytes)."""
    valid, hostile = corpus.VALID, corpus.HOSTILE
    if args.only is None:
        yield from ((f"corpus {number}", data) for number, data in enumerate(valid + hostile))
    for number in range(args.cases) if args.only is None else [args.only]:
        yield f"seed {args.seed} case {number}", mutate.case(valid, hostile, args.seed, number)


async def shrink(differ, data):
    """Smaller bytes of which there is a finding too."""
    size, tries = len(data) // 2, 0
    while size > 0:
        at, shorter = 0, False
        while at < len(data) and tries < SHRINK_TRIES:
            tries += 1
            candidate = data[:at] + data[at + size:]
            if await differ.findings([candidate]):
                data, shorter = candidate, True
            else:
                at += size
        size = size if shorter and tries < SHRINK_TRIES else size // 2
    return data


async def report(differ, name, data, finding):
    print(f"FINDING {name}: {finding.what}\n  sent      {data!r}\n  forwarded {finding.forwarded!r}", flush=True)
    if finding.seen:
        print(finding.seen)
    small = await shrink(Differ(differ.origins, differ.forwarder, patience=1), data)
    print(f"  smallest  {small!r}", flush=True)


class Run:
    def __init__(self, differ, cases, total):
        self.differ, self.batches, self.total = differ, batches_of(cases, BATCH), total
        self.begin = self.said = time.monotonic()
        self.found = []

    async def work(self):
        for batch in self.batches:
            for finding in await self.differ.findings([data for _, data in batch]):
                self.found.append((*batch[finding.number], finding))
            if len(self.found) >= FINDINGS_MAX:
                return
            self._progress()

    def _progress(self):
        now = time.monotonic()
        if now - self.said < 5:
            return
        self.said = now
        print(self.line(), flush=True)

    def line(self):
        tally, seconds = self.differ.tally, time.monotonic() - self.begin
        share = 100 / max(tally.cases, 1)
        return (f"{tally.cases} of {self.total} cases, {tally.cases / seconds:.0f}/s, {tally.forwarded * share:.0f} % forwarded "
                f"({tally.requests} requests, {tally.cut} cut), {tally.refused * share:.0f} % refused, {len(self.found)} findings")


async def main(args):
    total = 1 if args.only is not None else args.cases + len(corpus.VALID) + len(corpus.HOSTILE)
    with contextlib.closing(Origins()) as origins:
        differ = Differ(origins, await Forwarder.start(args.forwarder))
        run = Run(differ, numbered_cases(args), total)
        await asyncio.gather(*(run.work() for _ in range(WORKERS)))
        for found in run.found:
            await report(differ, *found)
        well = await differ.forwarder.stop()
        for (origin, why), count in sorted(differ.tally.excused.items()):
            print(f"  allowed {count:6} x {origin}: {why}")
        print(run.line())
        return 0 if well and not run.found else 1


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(asyncio.run(main(arguments())))
