# SPDX-License-Identifier: Apache-2.0
"""What a reader makes of bytes: requests. Here is the reader that knows how Signet writes and takes nothing else; its word is
Signet's own view, and every origin's is held against it."""
import dataclasses
import hashlib
import json
import re

TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
REQUEST_LINE = re.compile(rb"(" + TOKEN + rb") (/[\x21-\x7e]*|\*) HTTP/1\.1")
FIELD_LINE = re.compile(rb"(" + TOKEN + rb"): ([\t\x20-\x7e\x80-\xff]*)")
CHUNK_LINE = re.compile(rb"([0-9a-f]{1,16})\r\n")
# What Signet says of the client, once: an upstream must not find a second word under a name that looks alike to it.
CLAIMS = {"forwarded", "via", "x_forwarded_for", "x_forwarded_host", "x_forwarded_proto", "x_real_ip", "x_request_id"}


class NotOurs(Exception):
    """Bytes that Signet must never write."""


@dataclasses.dataclass(frozen=True)
class Request:
    """Texts are latin-1. `fields` are (name, value) in order, names as the reader shows them."""
    method: str
    target: str
    fields: tuple
    length: int
    sha256: str

    def __str__(self):
        fields = "".join(f" {name}={value!r}" for name, value in self.fields)
        return f"{self.method} {self.target!r} body={self.length}:{self.sha256[:8]}{fields}"


def request_of(method, target, fields, body):
    return Request(method, target, tuple(fields), len(body), hashlib.sha256(body).hexdigest())


def request_of_report(text):
    """From the line in which an origin tells what it read."""
    read = json.loads(text)
    return Request(read["method"], read["target"], tuple(map(tuple, read["fields"])), read["length"], read["sha256"])


def canonical(name):
    """A field's name as CGI can show it: there is no case, and no way to tell "-" from "." or "_"."""
    return re.sub(r"[^a-z0-9]", "_", name.lower())


# --- as Signet writes

def read_fields(lines):
    fields = []
    for line in lines:
        match = FIELD_LINE.fullmatch(line)
        if not match:
            raise NotOurs(f"field line {line!r}")
        fields.append((match[1].decode(), match[2].decode("latin-1")))
    return fields


def read_head(head):
    first, *rest = head.split(b"\r\n")
    line = REQUEST_LINE.fullmatch(first)
    if not line:
        raise NotOurs(f"request line {first!r}")
    fields = read_fields(rest)
    check_names([name.lower() for name, _ in fields])
    return line[1].decode(), line[2].decode(), fields


def check_names(names):
    if names[:1] != ["host"] or names.count("host") != 1:
        raise NotOurs("Host is not the first field, and that once")
    if names.count("content-length") + names.count("transfer-encoding") > 1:
        raise NotOurs("two fields about the length")
    seen = [canonical(name) for name in names]
    for claim in CLAIMS:
        if seen.count(claim) > 1:
            raise NotOurs(f"{claim} twice, as CGI spells it")


def read_chunked(data, at):
    """(body, where the next request begins); None for the body when it is cut."""
    body = b""
    while True:
        end = data.find(b"\r\n", at)
        if end < 0:
            return None, at
        line = CHUNK_LINE.fullmatch(data, at, end + 2)
        if not line:
            raise NotOurs(f"chunk line {data[at:end]!r}")
        at, size = end + 2, int(line[1], 16)
        if size == 0:
            return read_trailers(data, at, body)
        if len(data) < at + size + 2:
            return None, at
        if data[at + size:at + size + 2] != b"\r\n":
            raise NotOurs("chunk longer than its size")
        body += data[at:at + size]
        at += size + 2


def read_trailers(data, at, body):
    if data.startswith(b"\r\n", at):
        return body, at + 2
    end = data.find(b"\r\n\r\n", at)
    if end < 0:
        return None, at
    read_fields(data[at:end].split(b"\r\n"))
    return body, end + 4


def read_body(data, at, fields):
    value = {name.lower(): text for name, text in fields}
    if "transfer-encoding" in value:
        if value["transfer-encoding"] != "chunked":
            raise NotOurs("Transfer-Encoding that is not chunked")
        return read_chunked(data, at)
    length = value.get("content-length", "0")
    if not re.fullmatch(r"[0-9]+", length):
        raise NotOurs("Content-Length that is no number")
    end = at + int(length)
    return (data[at:end], end) if end <= len(data) else (None, at)


def read_all(data):
    """(the requests in these bytes, the one more inside whose body they end or None, the bytes of each)."""
    requests, pieces, at = [], [], 0
    while at < len(data):
        begin = at
        end = data.find(b"\r\n\r\n", at)
        if end < 0:
            raise NotOurs("a head that does not end")
        method, target, fields = read_head(data[at:end])
        body, at = read_body(data, end + 4, fields)
        if body is None:
            return requests, request_of(method, target, fields, b""), [*pieces, data[begin:]]
        requests.append(request_of(method, target, fields, body))
        pieces.append(data[begin:at])
    return requests, None, pieces
