# SPDX-License-Identifier: Apache-2.0
"""Byte streams that a client may send: the corpus, and what a seeded generator makes of it. Case N of seed S is always the same."""
import random
import re

INTERESTING = [b"\r", b"\n", b"\r\n", b"\r\n ", b"\r\n\r\n", b"0\r\n\r\n", b" ", b"\t", b"\0", b"\v", b"\f", b"\x7f", b"\x80",
               b"\x85", b"\xa0", b"\xff", b";", b",", b":", b"\\", b"%", b"#", b"?", b"/", b"..", b"%2e", b"%00", b"%0d%0a",
               b"\"", b"_", b"-", b"+", b"0", b"0x"]
LENGTHS = [b"0", b"00", b"1", b"5", b"05", b"+5", b"-5", b"5 ", b"5,5", b"5;", b"0x5", b"5_0", b"1e1", b"ffffffffffffffff",
           b"10000000000000000", b"9223372036854775807", b"9223372036854775808", b"18446744073709551621", b"\t5", b"5\v", b""]
SEGMENTS = [b"/../", b"/./", b"/%2e%2E/", b"//", b"%2f", b"%5c", b";", b"/..;/", b"%c0%ae", b"?"]
TRANSPLANTS = [b"Content-Length: 5", b"Content-Length: 0", b"Transfer-Encoding: chunked", b"Transfer-Encoding: identity",
               b"Transfer-Encoding : chunked", b"Transfer-Encoding:\tchunked", b"Transfer_Encoding: chunked",
               b"Content_Length: 3", b"Content.Length: 3", b"Host: other.example.test", b"Connection: close",
               b"Connection: keep-alive, x-canary", b"Connection: content-length", b"Expect: 100-continue", b"TE: trailers",
               b"Upgrade: websocket", b"X-Canary: 1", b"X-Canary: \x80\xff", b" folded", b"Trailer: X-Sum", b"Cookie: a=1; b=2",
               b"X-Forwarded-For: 192.0.2.1", b"X.Forwarded!For: 192.0.2.1", b"Sec-WebSocket-Key: x", b"Range: bytes=0-",
               b"If-Match: *", b"Content-Type: text/plain", b"HTTP2-Settings: AAMA"]


def at(random_, data):
    return random_.randrange(len(data) + 1)


def flip(random_, data):
    if not data:
        return data
    where = random_.randrange(len(data))
    return data[:where] + bytes([data[where] ^ 1 << random_.randrange(8)]) + data[where + 1:]


def insert(random_, data):
    where = at(random_, data)
    return data[:where] + random_.choice(INTERESTING) + data[where:]


def other_character(random_, data):
    """What can be seen becomes something else that can be: most of these stay requests."""
    seen = list(re.finditer(rb"[!-~]", data))
    if not seen:
        return data
    where = random_.choice(seen).start()
    return data[:where] + bytes([random_.randrange(0x21, 0x7f)]) + data[where + 1:]


def escape(random_, data):
    """A character of a target is percent-encoded, or a segment comes in."""
    targets = list(re.finditer(rb"(?<= /)[^ \r\n]+(?= HTTP)", data))
    if not targets:
        return insert(random_, data)
    where = random_.randrange(*random_.choice(targets).span())
    if random_.random() < 0.5:
        return data[:where] + b"%%%02x" % data[where] + data[where + 1:]
    return data[:where] + random_.choice(SEGMENTS) + data[where:]


def overwrite(random_, data):
    where = at(random_, data)
    piece = random_.choice(INTERESTING)
    return data[:where] + piece + data[where + len(piece):]


def delete(random_, data):
    where = at(random_, data)
    return data[:where] + data[where + random_.choice((1, 1, 1, 2, 5, 20)):]


def truncate(random_, data):
    return data[:at(random_, data)]


def swap_case(random_, data):
    words = list(re.finditer(rb"[A-Za-z-]{2,}", data))
    if not words:
        return data
    word = random_.choice(words)
    text = random_.choice((bytes.upper, bytes.lower, bytes.swapcase))(word[0])
    return data[:word.start()] + text + data[word.end():]


def lines_of(data):
    return data.split(b"\r\n")


def duplicate_line(random_, data):
    lines = lines_of(data)
    line = random_.choice(lines)
    lines.insert(random_.randrange(len(lines) + 1), line)
    return b"\r\n".join(lines)


def delete_line(random_, data):
    lines = lines_of(data)
    del lines[random_.randrange(len(lines))]
    return b"\r\n".join(lines)


def swap_lines(random_, data):
    lines = lines_of(data)
    a, b = random_.randrange(len(lines)), random_.randrange(len(lines))
    lines[a], lines[b] = lines[b], lines[a]
    return b"\r\n".join(lines)


def add_field(random_, data):
    """Somewhere in the first head, so that most of what comes out is still a request."""
    lines = lines_of(data)
    end = lines.index(b"") if b"" in lines else len(lines)
    lines.insert(random_.randrange(1, max(end, 1) + 1), random_.choice(TRANSPLANTS))
    return b"\r\n".join(lines)


def other_end_of_line(random_, data):
    ends = [m.start() for m in re.finditer(b"\r\n", data)]
    if not ends:
        return data
    where = random_.choice(ends)
    return data[:where] + random_.choice((b"\n", b"\r", b"\n\r", b"\r\r\n", b"")) + data[where + 2:]


def other_number(random_, data):
    """A length, a chunk's size, a version or a port becomes another."""
    numbers = list(re.finditer(rb"(?<=: )[0-9]+|(?<=\r\n)[0-9a-fA-F]+(?=[\r;])|(?<=[./:])[0-9]+", data))
    if not numbers:
        return data
    number = random_.choice(numbers)
    return data[:number.start()] + random_.choice(LENGTHS) + data[number.end():]


MUTATIONS = [flip, insert, overwrite, delete, truncate, swap_case, duplicate_line, delete_line, swap_lines, other_end_of_line,
             other_number, *[add_field, other_character, escape] * 4]


def splice(random_, data, other):
    """The front of one and the back of another, or one behind the other, pipelined."""
    if random_.random() < 0.5:
        return data + other
    return data[:at(random_, data)] + other[at(random_, other):]


def case(valid, hostile, seed, number):
    """Bytes of case `number`: a request with one to four changes, seldom spliced with another."""
    random_ = random.Random(f"{seed}:{number}")
    corpus = valid if random_.random() < 0.75 else hostile
    data = random_.choice(corpus)
    if random_.random() < 0.15:
        data = splice(random_, data, random_.choice(corpus))
    for _ in range(random_.choice((1, 1, 1, 1, 2, 2, 3, 4))):
        data = random_.choice(MUTATIONS)(random_, data)
    return data
