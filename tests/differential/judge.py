# SPDX-License-Identifier: Apache-2.0
"""Holds what the origins answered against what was to be read."""
import collections

from allowed import CLOSINGS, REFUSALS, SILENCES, fields_agree, row_of
from origins import NAMES, Silence
from reading import Request


def same(origin, wanted, got):
    """Has this origin read that very request?"""
    return ((got.method, got.target, got.length, got.sha256) == (wanted.method, wanted.target, wanted.length, wanted.sha256)
            and fields_agree(origin, wanted, got))


def refusal_of(origin, request, got):
    """The row that lets `origin` answer so; None without one."""
    return next((row for row in REFUSALS if row.origin == origin and got.status in row.statuses and row.when(request)), None)


def judge_one(origin, wanted, answers, used):
    """What is wrong with these answers, in words; None when nothing is. Rows that excused something are counted in `used`."""
    left = list(answers)
    for number, request in enumerate(wanted, 1):
        if not left:
            return f"request {number} was not read"
        got = left.pop(0)
        if isinstance(got, Silence):
            row = row_of(SILENCES, origin, wanted[:number - 1], request)
            if not row:
                return f"request {number} was not read, it waits for more"
            used[origin, row.why] += 1
            return None
        if isinstance(got, Request):
            if not same(origin, request, got):
                return f"request {number} was read as another: {got}"
            closes = row_of(CLOSINGS, origin, request)
            if closes and not left:
                used[origin, closes.why] += 1
                return None
            continue
        refuses = refusal_of(origin, request, got)
        if not refuses:
            return f"request {number}: {got}"
        used[origin, refuses.why] += 1
        if got.closes:
            break
    return "it waits for more" if any(isinstance(a, Silence) for a in left) else None


def judge_rest(wanted, answers):
    """Behind the requests nothing may be read; an error for one that is cut is well."""
    reads = sum(isinstance(a, Request) for a in answers)
    return f"{reads} requests were read instead of {len(wanted)}" if reads > len(wanted) else None


def judge(wanted, answers, used=None):
    """{origin: what is wrong} of {origin: answers}. `wanted` are to be read, and nothing else: one that is cut has no end."""
    used = collections.Counter() if used is None else used
    wrong = {}
    for origin in NAMES:
        words = judge_one(origin, wanted, answers[origin], used) or judge_rest(wanted, answers[origin])
        if words:
            wrong[origin] = words
    return wrong


def view(answers):
    """What each origin said, for people."""
    return "\n".join(f"    {origin}: " + ("; ".join(map(str, said)) or "closed without a word")
                     for origin, said in answers.items())
