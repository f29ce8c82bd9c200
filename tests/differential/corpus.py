# SPDX-License-Identifier: Apache-2.0
"""Requests to begin with: valid ones of every shape, and every trick by which two servers were made to read two things."""
HOST = "shop.example.test"
CANARY = f"GET /smuggled HTTP/1.1\r\nHost: {HOST}\r\n\r\n"


def request(line="GET /", fields=(), body="", host=HOST, version="HTTP/1.1"):
    """`fields` are whole lines; Host stands first unless it is None."""
    lines = [f"{line} {version}"] + ([f"Host: {host}"] if host is not None else []) + list(fields)
    return "\r\n".join(lines) + "\r\n\r\n" + body


def post(fields, body, **kwargs):
    return request("POST /p", fields, body, **kwargs)


def chunked(body, *fields, coding="Transfer-Encoding: chunked", **kwargs):
    return post([coding, *fields], body, **kwargs)


def encode(text):
    """An octet a character, what has none as UTF-8."""
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return text.encode()


HELLO = "5\r\nhello\r\n0\r\n\r\n"
LENGTH_5 = "Content-Length: 5"
CHUNKED = "Transfer-Encoding: chunked"

VALID = list(map(encode, [
    request(), request("GET /a/b?c=d&e=f#".rstrip("#")), request("HEAD /head"), request("DELETE /x"), request("OPTIONS /o"),
    request("OPTIONS *"),
    request("PUT /put", [LENGTH_5], "hello"), request("PATCH /p", [LENGTH_5], "\0\r\n\r\n"), post(["Content-Length: 0"], ""),
    post([], ""),
    post(["Content-Length: 00005"], "hello"), request("GET /with-body", [LENGTH_5], "hello"),
    request("DELETE /with-body", [CHUNKED], HELLO),
    request("HEAD /with-body", [LENGTH_5], "hello"), request("OPTIONS /with-body", [LENGTH_5], "hello"),
    chunked(HELLO), chunked("1\r\na\r\n2\r\nbc\r\n00a\r\n0123456789\r\n0\r\n\r\n"), chunked("0\r\n\r\n"),
    chunked("A\r\n0123456789\r\n000\r\n\r\n"),
    chunked("5;name=value\r\nhello\r\n0;last\r\n\r\n"), chunked('5;q="a;b"\r\nhello\r\n0\r\n\r\n'),
    chunked("5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n"),
    chunked("5\r\nhello\r\n0\r\nContent-Length: 9\r\nHost: a\r\nTransfer-Encoding: x\r\nX-Sum: 1\r\n\r\n", "TE: trailers",
            "Trailer: X-Sum"),
    post([LENGTH_5, "Expect: 100-continue"], "hello"), chunked(HELLO, "Expect: 100-continue"),
    request("GET /expect", ["Expect: 100-continue"]),
    request("PROPFIND /dav", ["Depth: 1"]), request("M-SEARCH /ssdp"), request("BREW /pot"), request("get /lower"),
    request("X!y /token"),
    request(f"GET http://{HOST}/absolute?q"), request(f"GET HTTP://{HOST.upper()}:80/absolute"),
    request(f"OPTIONS http://{HOST}"),
    request(host=HOST.upper()), request(host=f"{HOST}:443"), request(host=f"{HOST}:80"), request(host=f"{HOST}."),
    request("GET /%2e%2e%2fx%2Fy"), request("GET /a/./b/../c//d/%2e/e"), request("GET /a%20b%7e%E2%82%AC?x=%zz"),
    request("GET /?/../.."),
    request("GET //double//slash/"), request("GET /;p=1/a;b"), request("GET /[]|{}<>^`\"'~!$&()*+,=:@"), request("GET /x??y?"),
    request("GET /" + "a" * 2000),
    request("GET /cookies", ["Cookie: a=1", "Cookie: b=2; c=\"3\""]), request("GET /auth", ["Authorization: Basic dTpw"]),
    request("GET /lists",
            ["Accept: text/html, */*;q=0.1", "Accept: x/y", "Accept-Encoding:gzip,,br", "X-Empty:", "X-Spaces: \t a \t b \t "]),
    request("GET /bytes", ["X-Bytes: \x80\xff\xa0\x85", "User-Agent: t\xe4st"]),
    request("GET /names", ["X.Dot: 1", "X!$~: 2", "1: 3", "x-LOWER: 4"]),
    request("GET /hops",
            ["Connection: keep-alive, x-hop, TE", "X-Hop: 1", "Keep-Alive: timeout=5", "TE: trailers, deflate",
             "Proxy-Connection: close"]),
    request("GET /under", ["X_Under: 1", "Content_Length: 5", "Transfer_Encoding: chunked"]),
    request("GET /claims", ["X-Forwarded-For: 192.0.2.1", "X-Forwarded-Host: evil", "Forwarded: for=evil", "X-Real-IP: 192.0.2.1",
                            "X-Request-ID: evil", "Via: 1.1 evil", "Client-Cert: :x:"]),
    request("GET /disguised", ["X.Forwarded!For: 192.0.2.1", "X_Real_IP: 192.0.2.1", "X~Request~ID: evil", "V|ia: 1.1 evil"]),
    request("GET /range",
            ["Range: bytes=0-1,5-", "If-Range: \"x\"", "If-None-Match: *", "If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT"]),
    request("GET /socket", ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
                            "Sec-WebSocket-Version: 13"]),
    request("GET /h2c", ["Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__"]),
    request("GET /old", ["Connection: keep-alive"], version="HTTP/1.0"),
    request("POST /old", [LENGTH_5], "hello", version="HTTP/1.0"),
    "\r\n" + request("GET /after-an-empty-line"), request("GET /close", ["Connection: close"]) + CANARY,
    request("GET /1") + request("GET /2") + post([LENGTH_5], "hello") + chunked(HELLO) + request("HEAD /5") + request("GET /6"),
    post(["Content-Type: application/x-www-form-urlencoded", "Content-Length: 11"], "a=1&b=2&c=3"),
    post([f"Content-Length: {len(CANARY)}"], CANARY),
    chunked(f"{len(CANARY):x}\r\n{CANARY}\r\n0\r\n\r\n"), request("GET /many", [f"X-{i}: {i}" for i in range(90)]),
    chunked("1000\r\n" + "z" * 4096 + "\r\n0\r\n\r\n"),
]))

TARGETS = ["", "*", "//", "http://", "http:///", "http:/x", "/#f", "/a b", "/\0", "/\x80", "/\x7f", "/../x", "/a/../../x",
           "/%2e%2e/x", "/.%2e/../x", "/\\..\\x",
           "/%00", "/%0d%0aX:1", "/%0A", "/%", "/%2", "/%g0", "x", "?x", ".", "/.", "/..", "/a/..", "/a/.%2E", "/%252e%252e/x",
           "/..;/x", "/.;/x", "/a%5c..%5cb",
           "http://other.example.test/", f"https://{HOST}/", f"http://u@{HOST}/", f"http://{HOST}@other.example.test/",
           f"http://{HOST}:0/", f"http://{HOST}?q",
           f"ftp://{HOST}/", "//other.example.test/x", "/http://other.example.test/", f"{HOST}:443", "/x HTTP/1.1", "/\t", "/\v",
           "/\f", "/é"]
HOSTS = [None, "", " ", "a, b", f"{HOST}, {HOST}", f"u@{HOST}", f"{HOST}/x", f"{HOST}:", f"{HOST}:x", f"{HOST}:0",
         f"{HOST}:65536", f"{HOST}:080", "[::1", "[::1]x",
         f"{HOST} x", f"{HOST}\tx", f"{HOST}\0", f"{HOST}\x80", f"{HOST}?q", f"{HOST}#f", f"{HOST}\\x", f"..{HOST}", "*",
         f" {HOST} ", f"{HOST}..", f"%73hop{HOST[4:]}"]
VERSIONS = ["", "HTTP/1.0", "HTTP/1.2", "HTTP/2.0", "HTTP/0.9", "HTTP/01.1", "http/1.1", "HTTP/1.1 ", "HTTP/1.1\t", "HTTP/1.1x",
            "HTTP/11", "HTTP/1", "HTTP/1.10", "HTTQ/1.1", "HTTP /1.1"]
LINES = [" GET /", "GET  /", "GET\t/", "GE\0T /", "GET", "G(T /", "\x80 /", "PRI *", "TRACE /", f"CONNECT {HOST}:443",
         "CONNECT /", "A" * 33 + " /", "GET\v/", "GET\r/", "GET\n/"]
FIELDS = [" X: 1", "\tX: 1", "X : 1", "X\t: 1", "X\0: 1", "X\x80: 1", ": 1", "X", "X(y): 1", "X y: 1", "X: 1\r\n folded",
          "X: 1\r\n\tfolded", "X: a\0b", "X: a\rb", "X: a\nb",
          "X: a\vb", "X: a\x7fb", "X: a\x1bb", "X: 1\nY: 2", "X: 1\n\nGET /smuggled HTTP/1.1", "Connection: Host",
          "Connection: Content-Length", "Connection: transfer-encoding",
          "Connection: Authorization", "Connection: cookie", "Connection: X-Forwarded-For", "Connection: close, keep-alive",
          "Connection: ,,", "Proxy: evil", "TE: chunked",
          "Expect: 100-continue, x", "Expect: 101", "Expect: 100-continue\r\nExpect: 100-continue", "Expect: 100-continue;q=1",
          "Expect:", f"Host: {HOST}", "Host : x", "host:x",
          "Upgrade: h2c, websocket", "Content-Length : 5", "Content-Length\0: 5", "Content Length: 5",
          "Transfer-Encoding : chunked", "Transfer\xadEncoding: chunked",
          "X: \r\r\n", "X: \xff\r\n : y", "X-Forwarded_For: 1", "X: " + "v" * 3000]
BAD_LENGTHS = ["+5", "-5", "0x5", "5_0", "5 5", "5,5", "5, 5", "5;", "", " ", "\t5", "5\t", "5\v", "\f5", "5\0", "05 ", "5.0",
               "1e1", "５", "9223372036854775808",
               "18446744073709551621", "99999999999999999999999", "5\r\n ", "\r\n 5", "5\r\nContent-Length: 5",
               "5\r\nContent-Length: 6", "4\r\ncontent-length: 5", "0\r\nContent-Length: 5"]
CODINGS = ["Transfer-Encoding: identity", "Transfer-Encoding: gzip, chunked", "Transfer-Encoding: chunked, gzip",
           "Transfer-Encoding: chunked, chunked", "Transfer-Encoding: chunked;q=1",
           "Transfer-Encoding: \"chunked\"", "Transfer-Encoding: 'chunked'", "Transfer-Encoding: xchunked",
           "Transfer-Encoding: chunkedx", "Transfer-Encoding: chun ked", "Transfer-Encoding:\vchunked",
           "Transfer-Encoding: chunked\v", "Transfer-Encoding:\x0cchunked", "Transfer-Encoding: \0chunked",
           "Transfer-Encoding:\tchunked", "Transfer-Encoding: chunked\t", "Transfer-Encoding:chunked",
           "Transfer-Encoding:  chunked", "Transfer-Encoding: CHUNKED", "transfer-encoding: Chunked",
           "Transfer-Encoding : chunked", " Transfer-Encoding: chunked", "Transfer-Encoding:\r\n chunked",
           "Transfer-Encoding: chunked\r\n ", "X: x\nTransfer-Encoding: chunked", "X: x\rTransfer-Encoding: chunked",
           "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity", "Transfer-Encoding:",
           "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked",
           "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", "Transfer-Encoding: ,chunked",
           "Transfer-Encoding: chunked,",
           "Transfer-Encoding: \x85chunked", "Transfer-Encoding: chunked\xa0", "Transfer_Encoding: chunked",
           "Transfer-Encoding\0: chunked", "Transfer-Encoding: cow\r\nTransfer-Encoding: chunked"]
BAD_CHUNKS = ["0x5\r\nhello\r\n0\r\n\r\n", "+5\r\nhello\r\n0\r\n\r\n", "-5\r\nhello\r\n0\r\n\r\n", " 5\r\nhello\r\n0\r\n\r\n",
              "5 \r\nhello\r\n0\r\n\r\n", "5\t\r\nhello\r\n0\r\n\r\n", "5_0\r\nhello\r\n0\r\n\r\n",
              "\r\nhello\r\n0\r\n\r\n", ";x\r\nhello\r\n0\r\n\r\n", "00000000000000005\r\nhello\r\n0\r\n\r\n",
              "10000000000000005\r\nhello\r\n0\r\n\r\n", "ffffffffffffffff\r\nhello\r\n0\r\n\r\n", "5\nhello\r\n0\r\n\r\n",
              "5\rhello\r\n0\r\n\r\n", "5\r\nhello\n0\r\n\r\n", "5\r\nhello0\r\n\r\n", "5\r\nhelloX\r\n0\r\n\r\n",
              "5\r\nhello!\r\n0\r\n\r\n", "4\r\nhello\r\n0\r\n\r\n", "6\r\nhello\r\n0\r\n\r\n", "5\r\nhello\r\n0\n\n",
              "5\r\nhello\r\n0\r\n\n",
              "5\r\nhello\r\n0\n\r\n", "5\r\nhello\r\n0\r\nX\r\n\r\n", "5\r\nhello\r\n0\r\n X: 1\r\n\r\n",
              "5\r\nhello\r\n0\r\nX : 1\r\n\r\n", "5\r\nhello\r\n0\r\nX: \0\r\n\r\n", "5;a\nb\r\nhello\r\n0\r\n\r\n",
              "5;a\rb\r\nhello\r\n0\r\n\r\n",
              "5;\0\r\nhello\r\n0\r\n\r\n", "5;" + "x" * 300 + "\r\nhello\r\n0\r\n\r\n", "5 ;x\r\nhello\r\n0\r\n\r\n",
              "5; x = y\r\nhello\r\n0\r\n\r\n", "5;x=\"\r\n\"\r\nhello\r\n0\r\n\r\n", "5\r\nhello\r\n", "5\r\nhel", "5", "",
              "g\r\n", "5\r\nhello\r\n0",
              "5\r\nhello\r\n0\r\n", "2;\n0\r\n\r\n" + CANARY, "5\r\nhello\r\n0\r\nContent-Length: 5\r\n\r\n",
              "5\r\nhello\r\n0\r\nX: 1\nY: 2\r\n\r\n", "5;a=\"b\\\"c\"\r\nhello\r\n0\r\n\r\n", "５\r\nhello\r\n0\r\n\r\n"]

# CL.TE, TE.CL, TE.TE, CL.0, 0.CL, TE.0: a request behind what one of two readers takes for the whole body
DESYNCS = [
    *(post([f"Content-Length: {len(tail) + 5}", coding], "0\r\n\r\n" + tail) for coding in CODINGS for tail in ("", CANARY)),
    *(post([coding, "Content-Length: 4"], f"{len(CANARY):x}\r\n{CANARY}\r\n0\r\n\r\n") for coding in CODINGS),
    *(request(f"{method} /", [f"Content-Length: {len(CANARY)}"], CANARY) for method in ("GET", "HEAD", "DELETE", "OPTIONS", "FOO",
    "PROPFIND")),
    *(post([f"{name}: {len(CANARY)}"], CANARY) for name in ("Content_Length", "Content.Length", "Content-length ",
    "Content-Length\t", "Contentlength", "Content\xadLength")),
    post(["Content-Length: 0"], CANARY), post([], CANARY), post(["Content-Length: 5", "Expect: 100-continue"], CANARY),
    post([CHUNKED], HELLO + CANARY), post([CHUNKED, "Connection: transfer-encoding"], HELLO + CANARY),
    post(["Connection: content-length", "Content-Length: 5"], CANARY),
    request("POST /", [CHUNKED], HELLO + CANARY, version="HTTP/1.0"),
    request("POST /", ["Connection: keep-alive", CHUNKED, LENGTH_5], "0\r\n\r\n" + CANARY, version="HTTP/1.0"),
    request("GET /socket", ["Connection: Upgrade", "Upgrade: websocket", f"Content-Length: {len(CANARY)}"], CANARY),
    request("GET /socket", ["Connection: Upgrade", "Upgrade: websocket"], CANARY),
    f"GET / HTTP/1.1\nHost: {HOST}\n\n" + CANARY, f"GET / HTTP/1.1\r\nHost: {HOST}\n\r\n" + CANARY,
    f"GET / HTTP/1.1\r\nHost: {HOST}\r\n\n" + CANARY, f"GET / HTTP/1.1\rHost: {HOST}\r\r" + CANARY,
    "GET /\r\n\r\n", "GET /\r\nHost: x\r\n\r\n" + CANARY, "\n" + CANARY, "\r" + CANARY, "\r\n\r\n" + CANARY, " " + CANARY,
    "\0" + CANARY, CANARY + "\0" + CANARY, CANARY + "X" + CANARY,
    "\xef\xbb\xbf" + CANARY, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "\x16\x03\x01\x02\x00\x01", "", "G", "GET / HTTP/1.1",
    "GET / HTTP/1.1\r\n\r\n", CANARY[:-2], CANARY * 100,
    CANARY * 30 + "BAD\r\n\r\n" + CANARY, f"GET / HTTP/1.1\r\n Host: {HOST}\r\n\r\n",
    f"GET / HTTP/1.1\r\n X: 1\r\nHost: {HOST}\r\n\r\n",
]

HOSTILE = list(map(encode, [
    *(request(f"GET {target}") for target in TARGETS), *(request(host=host) for host in HOSTS),
    *(request(version=version) for version in VERSIONS),
    *(request(line) for line in LINES), *(request(fields=[field]) for field in FIELDS),
    *(post([LENGTH_5, field], "hello") for field in FIELDS),
    request(fields=[f"Host: {HOST}"]), request(fields=["Host: other.example.test"]),
    request(host=None, fields=["X: 1", f"Host: {HOST}"]),
    *(post([f"Content-Length: {length}"], "hello") for length in BAD_LENGTHS),
    *(chunked(HELLO, coding=coding) for coding in CODINGS),
    *(chunked(chunks) for chunks in BAD_CHUNKS), *DESYNCS, post([CHUNKED, LENGTH_5], HELLO), post([LENGTH_5, CHUNKED], HELLO),
    post(["Content-Length: 500"], "hello"),
    request(fields=[f"X-{i}: {i}" for i in range(200)]), request("GET /" + "a" * 9000), request(fields=["X: " + "a" * 33000]),
]))
