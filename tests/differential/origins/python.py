# SPDX-License-Identifier: Apache-2.0
"""Python's http.server as an origin:  python.py PORT"""
import hashlib
import http.client
import http.server
import json
import re
import socketserver
import sys

http.client._MAXHEADERS = 1000  # more than Signet lets through, so that their number alone divides nobody
CHUNK_LINE = re.compile(rb"([0-9A-Fa-f]{1,16})\r\n")
LINE_MAX = 65536


class Origin(http.server.BaseHTTPRequestHandler):
    """Shows how http.server reads heads. It knows nothing of bodies, so those are read here, strictly."""
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True

    def __getattr__(self, name):
        if name.startswith("do_"):
            return self.answer
        raise AttributeError(name)

    def exactly(self, count):
        data = self.rfile.read(count)
        if len(data) != count:
            raise ConnectionResetError("the body is cut")
        return data

    def chunked(self):
        body = b""
        while True:
            line = CHUNK_LINE.fullmatch(self.rfile.readline(LINE_MAX))
            if not line:
                raise ConnectionResetError("no chunk")
            size = int(line[1], 16)
            if size == 0:
                break
            body += self.exactly(size)
            if self.exactly(2) != b"\r\n":
                raise ConnectionResetError("a chunk that does not end")
        while (line := self.rfile.readline(LINE_MAX)) != b"\r\n":  # trailers
            if not line.endswith(b"\r\n"):
                raise ConnectionResetError("a trailer is cut")
        return body

    def body(self):
        if self.headers["Transfer-Encoding"] == "chunked":
            return self.chunked()
        return self.exactly(int(self.headers["Content-Length"] or 0))

    def answer(self):
        body = self.body()
        read = {"method": self.command, "target": self.requestline.split(" ")[1], "fields": self.headers.items(),
                "length": len(body), "sha256": hashlib.sha256(body).hexdigest()}
        self.send_response_only(200)
        self.send_header("X-Read-1", json.dumps(read, separators=(",", ":")))
        self.send_header("Content-Length", "0")
        self.end_headers()

    def handle(self):
        try:
            super().handle()
        except ConnectionError:
            self.close_connection = True

    def log_message(self, *_):
        pass


class Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128


Server(("127.0.0.1", int(sys.argv[1])), Origin).serve_forever()
