# SPDX-License-Identifier: Apache-2.0
"""What Signet forwards is one and the same request for nginx, Apache, lighttpd, Node and Python's http.server. A short run of
tools/fuzz-differential, and the proof that a difference would be found."""
import collections
import dataclasses

import allowed
import corpus
import judge
import mutate
import pytest
import reading
from differ import Differ, Sentinels, batches_of
from forwarder import Forwarded
from origins import NAMES, Refusal, Silence, answers_in

SEED, CASES = 1, 1500


async def findings_of(differ, cases):
    return [(batch[finding.number], finding) for batch in batches_of(cases, 96) for finding in await differ.findings(batch)]


@pytest.mark.parametrize("cases", [
    pytest.param(lambda: corpus.VALID, id="valid"),
    pytest.param(lambda: corpus.HOSTILE, id="hostile"),
    pytest.param(lambda: [mutate.case(corpus.VALID, corpus.HOSTILE, SEED, n) for n in range(CASES)], id="mutated"),
])
def test_all_read_what_signet_forwards_alike(cases, loop, origins, forwarder):
    cases = cases()
    differ = Differ(origins, forwarder)
    found = loop.run_until_complete(findings_of(differ, cases))
    assert not found, "\n".join(f"{data!r}\n  {f.what}\n  {f.forwarded!r}\n{f.seen}" for data, f in found[:5])
    assert differ.tally.cases == len(cases)
    assert differ.tally.forwarded > len(cases) / 10, "hardly anything was forwarded, so hardly anything compared"


def test_cases_of_a_seed_are_always_the_same():
    valid, hostile = corpus.VALID, corpus.HOSTILE
    cases = [mutate.case(valid, hostile, 7, n) for n in range(200)]
    assert cases == [mutate.case(valid, hostile, 7, n) for n in range(200)]
    assert cases != [mutate.case(valid, hostile, 8, n) for n in range(200)]
    assert len(set(cases)) > 150


# --- without Signet in front they differ, and that is found

RAW = [
    ("two lengths", corpus.post([corpus.CHUNKED, f"Content-Length: {5 + len(corpus.CANARY)}"], "0\r\n\r\n" + corpus.CANARY)),
    ("a coding nobody knows", corpus.post(["Transfer-Encoding: xchunked", corpus.LENGTH_5], "hello")),
    ("space before the colon", corpus.post(["Content-Length : 51"], corpus.CANARY)),
    ("bare LF in a head", corpus.request(fields=["X: 1\nY: 2"])),
    ("bare LF ends chunk lines", corpus.chunked("5\nhello\n0\n\n")),
    ("a folded field", corpus.request(fields=["X: 1\r\n folded"])),
    ("a length with a sign", corpus.post(["Content-Length: +5"], "hello")),
    ("NUL in a value", corpus.request(fields=["X: a\0b"])),
    ("no Host", corpus.request(host=None)),
    ("a name that CGI takes for another", corpus.request(fields=["X_Forwarded_For: 192.0.2.1", "X-Forwarded-For: 192.0.2.2"])),
]


@pytest.mark.parametrize("text", [text for _, text in RAW], ids=[why for why, _ in RAW])
def test_raw_bytes_divide_them(text, loop, origins):
    sentinel, _ = Sentinels().next(True)
    answers = loop.run_until_complete(origins.ask_all([corpus.encode(text) + sentinel], patience=1))
    readings = {origin: [(r.method, r.target, r.length, frozenset((k, tuple(v)) for k, v in allowed.shown(r).items()))
                         for r in said if isinstance(r, reading.Request)] for origin, said in answers.items()}
    assert len({tuple(r) for r in readings.values()}) > 1, judge.view(answers)


class NoProxy:
    """Passes on what it gets, and believes that all was well."""

    async def forward(self, cases):
        return [Forwarded((200,), (case,)) for case in cases]


def test_a_proxy_that_passes_bytes_on_is_found(loop, origins):
    cases = [data for data in corpus.HOSTILE if data]
    found = loop.run_until_complete(findings_of(Differ(origins, NoProxy(), patience=0.5), cases))
    assert len({data for data, _ in found}) > len(set(cases)) * 0.8


# --- the reader takes what Signet writes and nothing else

HEAD = b"POST / HTTP/1.1\r\nHost: a\r\n"
NOT_OURS = [
    ("bare LF", b"GET / HTTP/1.1\nHost: a\n\n\r\n\r\n"), ("another version", b"GET / HTTP/1.0\r\nHost: a\r\n\r\n"),
    ("no Host", b"GET / HTTP/1.1\r\nX: 1\r\n\r\n"), ("two", b"GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n"),
    ("a folded line", HEAD + b" x: 1\r\n\r\n"), ("NUL", HEAD + b"X: \0\r\n\r\n"),
    ("no space behind the colon", HEAD + b"X:1\r\n\r\n"),
    ("two lengths", HEAD + b"Content-Length: 1\r\nContent-Length: 1\r\n\r\nx"),
    ("no number", HEAD + b"Content-Length: +1\r\n\r\nx"),
    ("length and chunks", HEAD + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    ("another coding", HEAD + b"Transfer-Encoding: Chunked\r\n\r\n0\r\n\r\n"),
    ("an extension", HEAD + b"Transfer-Encoding: chunked\r\n\r\n1;x\r\na\r\n0\r\n\r\n"),
    ("a long chunk", HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\naa\r\n0\r\n\r\n"),
    ("half a head", b"GET / HTTP/1.1\r\nHost: a\r\n"),
    ("a claim that looks like ours", HEAD + b"X-Forwarded-For: 1\r\nX.Forwarded!For: 2\r\n\r\n"),
]


@pytest.mark.parametrize("data", [data for _, data in NOT_OURS], ids=[why for why, _ in NOT_OURS])
def test_reader_refuses(data):
    with pytest.raises(reading.NotOurs):
        reading.read_all(data)


def test_reader_reads():
    data = (HEAD + b"Content-Length: 2\r\n\r\nhi" + HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX: 1\r\n\r\n"
            + HEAD + b"Content-Length: 5\r\n\r\nhel")
    requests, cut, pieces = reading.read_all(data)
    assert [(r.method, r.length) for r in requests] == [("POST", 2), ("POST", 2)] and requests[0].sha256 == requests[1].sha256
    assert len(pieces) == 3 and b"".join(pieces) == data
    assert cut.fields == (("Host", "a"), ("Content-Length", "5"))


# --- the judge

def asked(method="GET", target="/", fields=(("Host", "a"),), body=b""):
    return reading.request_of(method, target, fields, body)


ONE, LAST = asked(), asked(target="/sentinel-1")
FOO, TWO_LINES = asked("FOO"), asked(fields=(("Host", "a"), ("X", "1"), ("x", "2")))
SWITCH = asked(fields=(("Host", "a"), ("Upgrade", "x")))

# why, wanted, one origin, its answers, is it well? All others read what they should.
VERDICTS = [
    ("all is read", [ONE, LAST], "node", [ONE, LAST], True),
    ("the sentinel is lost", [ONE, LAST], "node", [ONE], False),
    ("nothing is read", [ONE, LAST], "nginx", [], False),
    ("one more", [ONE, LAST], "python", [ONE, ONE, LAST], False),
    ("one more behind", [ONE, LAST], "python", [ONE, LAST, ONE], False),
    ("it waits behind the last", [ONE, LAST], "node", [ONE, LAST, Silence()], False),
    ("silent to a method it does not know, behind an Upgrade", [SWITCH, FOO, LAST], "node", [SWITCH, Silence()], True),
    ("but not without one", [ONE, FOO, LAST], "node", [ONE, Silence()], False),
    ("nor to what it knows", [SWITCH, ONE, LAST], "node", [SWITCH, Silence()], False),
    ("it waits", [ONE, LAST], "apache2", [ONE, Silence()], False),
    ("another method", [ONE, LAST], "nginx", [asked("POST"), LAST], False),
    ("another target", [ONE, LAST], "nginx", [asked(target="//"), LAST], False),
    ("another body", [ONE, LAST], "lighttpd", [asked(body=b"x"), LAST], False),
    ("a field is gone", [asked(fields=(("Host", "a"), ("X", "1")))], "node", [ONE], False),
    ("a field came", [ONE, LAST], "node", [asked(fields=(("Host", "a"), ("X", "1"))), LAST], False),
    ("another value", [asked(fields=(("Host", "a"), ("X", "1")))], "node", [asked(fields=(("Host", "a"), ("X", "2")))], False),
    ("lines joined", [TWO_LINES], "apache2", [asked(fields=(("HOST", "a"), ("X", "1, 2")))], True),
    ("in another order", [TWO_LINES], "apache2", [asked(fields=(("HOST", "a"), ("X", "2, 1")))], False),
    ("host in lower case", [asked(fields=(("Host", "A:80"),))], "lighttpd", [asked(fields=(("HOST", "a"),))], True),
    ("but by lighttpd alone", [asked(fields=(("Host", "A:80"),))], "nginx", [asked(fields=(("HOST", "a"),))], False),
    ("refused with the status of its row", [FOO, LAST], "node", [Refusal(400, True)], True),
    ("another status", [FOO, LAST], "node", [Refusal(500, True)], False),
    ("another origin", [FOO, LAST], "nginx", [Refusal(400, True)], False),
    ("a request that must be taken", [ONE, LAST], "node", [Refusal(400, True)], False),
    ("refused behind another", [ONE, FOO, LAST], "node", [ONE, Refusal(400, True)], True),
    ("or too early", [ONE, FOO, LAST], "node", [Refusal(400, True)], False),
    ("it goes on behind a refusal", [asked("OPTIONS", "*"), LAST], "apache2", [Refusal(200, False), LAST], True),
    ("and must", [asked("OPTIONS", "*"), LAST], "apache2", [Refusal(200, False)], False),
]


@pytest.mark.parametrize("wanted, origin, answers, well", [row[1:] for row in VERDICTS], ids=[row[0] for row in VERDICTS])
def test_judge(wanted, origin, answers, well):
    said = {name: wanted_of(name, wanted) for name in NAMES}
    said[origin] = answers
    assert judge.judge(wanted, said).get(origin, "") == "" if well else origin in judge.judge(wanted, said)


def wanted_of(origin, wanted):
    """As that origin shows them."""
    return [dataclasses.replace(r, fields=tuple((k, ", ".join(v)) for k, v in allowed.shown(r, origin).items())) for r in wanted]


def test_cut_requests_are_not_read():
    cut = asked("POST", body=b"")
    said = {name: [ONE] for name in NAMES}
    assert judge.judge([ONE], said) == {}
    said["nginx"] = [ONE, cut]
    said["node"] = [ONE, Refusal(400, True)]
    assert list(judge.judge([ONE], said)) == ["nginx"]


def test_excuses_are_counted():
    used = collections.Counter()
    said = {name: [FOO, LAST] for name in NAMES} | {"node": [Refusal(400, True)], "lighttpd": [Refusal(501, True)]}
    assert judge.judge([FOO, LAST], said, used=used) == {}
    assert used == {("node", "knows a closed list of methods"): 1, ("lighttpd", "knows a closed list of methods"): 1}


def test_answers_are_taken_apart():
    report = b'{"method":"GET","target":"/","fields":[["Host","a"]],"length":0,"sha256":"%s"}' % ONE.sha256.encode()
    read = (b"HTTP/1.1 200 OK\r\nx-read-2: " + report[9:] + b"\r\nX-Read-1: " + report[:9]
            + b"\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
    answers = answers_in(b"HTTP/1.1 100 Continue\r\n\r\n" + read + b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno" + read
                         + b"HTTP/1.1 400 Bad\r\nConnection: close\r\n\r\nHTTP/1.1 200 OK\r\n\r\n")
    assert [str(a) for a in answers] == [str(ONE), "answers 200 by itself", str(ONE), "answers 400 by itself and closes"]


def test_silence_is_told_from_the_end(loop, origins):
    data = HEAD + b"Content-Length: 5\r\n\r\nhel"
    said = loop.run_until_complete(origins.ask_all([data], patience=0.3))
    assert all(isinstance(answers[-1], Silence) for answers in said.values())
    said = loop.run_until_complete(origins.ask_all([data], cut=True))
    assert not any(isinstance(a, (Silence, reading.Request)) for answers in said.values() for a in answers)
