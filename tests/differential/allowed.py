# SPDX-License-Identifier: Apache-2.0
"""Where one origin may differ from the others, each with its reason. A server that refuses a request has not misread it; one that
leaves out a field it cannot show has not either. Nothing here lets a server find another request than the others."""
import dataclasses
import ipaddress
import re
import urllib.parse
from typing import Callable

from reading import Request, canonical


def row_of(table, origin, *of):
    """The row that applies, or None."""
    return next((row for row in table if row.origin == origin and row.when(*of)), None)


def lines(request, name):
    return [value for field, value in request.fields if field.lower() == name]


# --- requests that one of them refuses

@dataclasses.dataclass(frozen=True)
class Refuses:
    """`origin` answers such requests itself, with one of `statuses`; what follows on its connection is lost if it closes."""
    why: str
    origin: str
    statuses: tuple
    when: Callable[[Request], bool]


# llhttp's; what is no method to Node is no HTTP to Node
NODE_METHODS = frozenset("""ACL BIND CHECKOUT CONNECT COPY DELETE GET HEAD LINK LOCK M-SEARCH MERGE MKACTIVITY MKCALENDAR MKCOL
MOVE NOTIFY OPTIONS PATCH POST PROPFIND PROPPATCH PURGE PUT QUERY REBIND REPORT SEARCH SOURCE SUBSCRIBE TRACE UNBIND UNLINK UNLOCK
UNSUBSCRIBE""".split())

LIGHTTPD_METHODS = frozenset("""GET HEAD POST PUT DELETE CONNECT OPTIONS TRACE ACL BASELINE-CONTROL BIND CHECKIN CHECKOUT COPY
LABEL LINK LOCK MERGE MKACTIVITY MKCALENDAR MKCOL MKREDIRECTREF MKWORKSPACE MOVE ORDERPATCH PATCH PROPFIND PROPPATCH QUERY REBIND
REPORT SEARCH UNBIND UNCHECKOUT UNLINK UNLOCK UPDATE UPDATEREDIRECTREF VERSION-CONTROL PRI""".split())

NGINX_SINGLE = ("authorization", "content-range", "content-type", "if-match", "if-modified-since", "if-none-match", "if-range",
                "if-unmodified-since", "range", "referer", "upgrade", "user-agent")


def climbs(target):
    """Does the path leave the root once all of it is decoded? An encoded slash divides no segments for Signet."""
    depth = 0
    for segment in urllib.parse.unquote(target.split("?")[0]).split("/"):
        depth += {"": 0, ".": 0, "..": -1}.get(segment, 1)
        if depth < 0:
            return True
    return False


def decodes_badly(target):
    """To control characters, or to octets that UTF-8 never has."""
    return re.search(rb"[\x00-\x1f\x7f\xc0\xc1\xf5-\xff]", urllib.parse.unquote_to_bytes(target))


def is_address(name):
    try:
        return bool(ipaddress.IPv4Address(name))
    except ValueError:
        return False


def is_host_name(host, more=""):
    """RFC 1123 2.1: labels of letters, digits and inner hyphens, the last begins with a letter; or an address. `more`: characters
    taken for letters, though not there."""
    name = re.sub(r"\.?(:[0-9]+)?$", "", host.lower())
    labels = name.split(".")
    end = f"[a-z0-9{more}]"
    return is_address(name) or (all(re.fullmatch(f"{end}([a-z0-9{more}-]*{end})?", label) for label in labels)
                                and labels[-1][0].isalpha())


def host_of(request):
    return lines(request, "host")[0]


def differ(values):
    return len(set(values)) > 1


REFUSALS = [
    Refuses("knows a closed list of methods", "node", (400,), lambda r: r.method not in NODE_METHODS),
    Refuses("knows a closed list of methods", "lighttpd", (501,), lambda r: r.method not in LIGHTTPD_METHODS),
    Refuses("methods are upper case, - and _", "nginx", (400,), lambda r: not re.fullmatch("[A-Z_-]+", r.method)),
    Refuses("OPTIONS * is no target of its", "nginx", (400,), lambda r: r.target == "*"),
    Refuses("answers OPTIONS * itself", "apache2", (200,), lambda r: r.target == "*"),
    Refuses("answers OPTIONS * itself", "lighttpd", (200,), lambda r: r.target == "*"),
    Refuses("decodes slashes before it resolves dots", "nginx", (400,), lambda r: climbs(r.target)),
    Refuses("looks through escapes at controls and UTF-8", "lighttpd", (400,), lambda r: decodes_badly(r.target)),
    Refuses("Host by RFC 1123, but for _", "apache2", (400,), lambda r: not is_host_name(host_of(r), more="_")),
    Refuses("Host by RFC 1123", "lighttpd", (400,), lambda r: not is_host_name(host_of(r))),
    Refuses("no second line of a field for one value", "nginx", (400,), lambda r: any(len(lines(r, n)) > 1 for n in NGINX_SINGLE)),
    Refuses("no second line that says otherwise", "lighttpd", (400,),
            lambda r: differ(lines(r, "content-type")) or differ(lines(r, "if-modified-since"))),
]


@dataclasses.dataclass(frozen=True)
class Closes:
    """`origin` reads such a request, and ends the connection behind it."""
    why: str
    origin: str
    when: Callable[[Request], bool]


CLOSINGS = [
    Closes("the body was there before it could say 100", "apache2", lambda r: "100-continue" in lines(r, "expect")),
]


@dataclasses.dataclass(frozen=True)
class FallsSilent:
    """`origin` neither answers such a request, behind those before it, nor closes."""
    why: str
    origin: str
    when: Callable[[list, Request], bool]


SILENCES = [
    FallsSilent("what it refuses behind an Upgrade that it has not followed gets no answer", "node",
                lambda before, r: any(lines(b, "upgrade") for b in before) and r.method not in NODE_METHODS),
]


def stands_alone(requests):
    """Might some origin refuse one of these, or close behind it? Or overlook what comes in one piece with it: Node reads nothing
    behind an Upgrade, even one that it does not follow, before its answer."""
    return any(row.when(request) for request in requests for row in (*REFUSALS, *CLOSINGS)) or any(
        lines(request, "upgrade") for request in requests)


# --- fields that one of them shows in its own way

@dataclasses.dataclass(frozen=True)
class Shows:
    """`origin` makes `form(name, values)` of the values of fields named so."""
    why: str
    origin: str
    when: Callable[[str], bool]  # the name in lower case
    form: Callable[[str, list], list]


def nothing(name, values):
    return []


def first(name, values):
    return values[:1]


def short(name, values):
    """Unless a FastCGI pair with it, its two lengths in five octets, is larger than Apache's buffer for one."""
    return values if len("HTTP_" + name + ", ".join(values)) + 5 <= 16384 else []


def plain_host(name, values):
    return [value.lower().removesuffix(":80").removesuffix(".") for value in values]


SHOWN = [
    Shows("leaves out names that CGI cannot carry", "apache2", lambda name: not re.fullmatch("[a-z0-9-]+", name), nothing),
    Shows("leaves out what its FastCGI cannot carry", "apache2", lambda name: True, short),
    Shows("has dealt with it", "lighttpd", lambda name: name == "expect", nothing),
    Shows("keeps the first of several lines", "lighttpd",
          lambda name: name in ("content-type", "if-modified-since", "if-none-match"), first),
    Shows("lower case, without port 80 and the root's dot", "lighttpd", lambda name: name == "host", plain_host),
]

# lighttpd 1.4.69 shows it, 1.4.79 does not unless it may follow it, and then it does not wait for the body
SHOWN_OR_NOT = {("lighttpd", "upgrade")}

FRAMING = ("content_length", "transfer_encoding")  # what they say is compared itself, as the body


def members(name, value):
    """A list has the same members however its lines were joined (RFC 9110 5.3), and empty ones count for nothing (5.6.1)."""
    return [m for m in (part.strip(" \t") for part in re.split("[,;]" if name == "cookie" else ",", value)) if m]


def fields_agree(origin, wanted, got):
    """Does `got`, as that origin tells it, have the fields of `wanted`?"""
    ours, theirs = shown(wanted, origin), shown(got)
    for name in {name for who, name in SHOWN_OR_NOT if who == origin} - (ours.keys() & theirs.keys()):
        ours.pop(name, None)
    return ours == theirs


def shown(request, origin=None):
    """{canonical name: members}, without what frames the body. With `origin`: as that must show them."""
    by_name, fields = {}, {}
    for name, value in request.fields:
        by_name.setdefault(name.lower(), []).append(value)
    for name, values in by_name.items():
        row = row_of(SHOWN, origin, name)
        key = canonical(name)
        all_members = [m for value in (row.form(name, values) if row else values) for m in members(key, value)]
        if all_members and key not in FRAMING:
            fields.setdefault(key, []).extend(all_members)
    return fields
