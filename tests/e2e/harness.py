# SPDX-License-Identifier: Apache-2.0
"""What the end-to-end tests share: a running signet, origins, clients. Everything listens on free loopback ports and is ended by
pid when its test is over."""
import collections
import contextlib
import hashlib
import json
import os
import pathlib
import random
import re
import signal
import socket
import ssl
import subprocess
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("SIGNET_BUILD", ROOT / "build-test"))
SIGNET = BUILD / "src" / "signet"
if not SIGNET.exists():
    SIGNET = BUILD / "signet"
# A sanitizer's shadow memory and quarantine hide what the program itself uses. A leak checker attaches to the process it looks at, which
# the sandbox forbids: see for_this_build(). With the sandbox on the suite runs on a release build: tools/test --suite sandbox.
SANITIZED = SIGNET.exists() and b"__asan_init" in SIGNET.read_bytes()
DEADLINE = 15  # seconds that anything here may take before the test fails

SANITIZER = re.compile(r"AddressSanitizer|LeakSanitizer|runtime error|UndefinedBehavior|SUMMARY: .*Sanitizer")

Outcome = collections.namedtuple("Outcome", "generation committed line")  # of a reload: what is in force, whether it is new
OUTCOME = re.compile(r"^.* master: (generation (\d+) in force|the running configuration is unchanged \(generation (\d+)\)).*$", re.M)


def environment(**extra):
    return {
        **os.environ,
        "ASAN_OPTIONS": "detect_leaks=1:abort_on_error=1:quarantine_size_mb=8",
        "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1",
        "LC_ALL": "C.UTF-8",
        **extra,
    }


def free_port(host="127.0.0.1"):
    """A port to listen on a moment later: below those that the kernel gives to outgoing connections (ip_local_port_range, from 32768),
    so that none of them takes it meanwhile."""
    for _ in range(1000):
        port = random.SystemRandom().randrange(15000, 32000)
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as s, contextlib.suppress(OSError):
            s.bind((host, port))
            return port
    raise AssertionError("no free port")


def wait_for(what, condition, seconds=DEADLINE, pause=0.01):
    """Polls until condition() is true and returns its value."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"no {what} within {seconds} s")
        time.sleep(pause)


def wait_for_port(port, host="127.0.0.1", process=None):
    def answers():
        if process is not None and process.poll() is not None:
            raise AssertionError(f"it ended with {process.returncode} instead of listening")
        with contextlib.suppress(OSError):
            socket.create_connection((host, port), 1).close()
            return True
        return False

    wait_for(f"listener on {host}:{port}", answers)


def run(*args, **kwargs):
    """A command to its end, with its output as text."""
    kwargs.setdefault("timeout", 60)
    kwargs.setdefault("env", environment())
    return subprocess.run([str(a) for a in args], capture_output=True, text=True, **kwargs)


def run_signet(*args, **kwargs):
    done = run(SIGNET, *args, **kwargs)
    assert not SANITIZER.search(done.stderr), done.stderr
    return done


def end_process(process, sig=signal.SIGTERM):
    if process.poll() is None:
        process.send_signal(sig)
    try:
        return process.wait(DEADLINE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise


def start_group(*args, **kwargs):
    """A process that leads a group of its own, so that end_group() finds those it has started too."""
    return subprocess.Popen([str(a) for a in args], stdin=subprocess.DEVNULL, start_new_session=True, **kwargs)


def end_group(process):
    """Ends at once what is left of it, also children that outlived it."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def for_this_build(config):
    """The text as the program at hand can run it; its lines keep their numbers."""
    says = re.search(r"^\s*sandbox\b", config, re.M)
    return config if says or not SANITIZED else config + "\nsandbox off\n"


class Signet:
    """A signet on a configuration text. `{port}`-like names in it are filled from **values; access records are JSON in a file."""

    def __init__(self, folder, config, certs=None, env=None, **values):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.access_path = self.folder / "access.log"
        self.error_path = self.folder / "error.log"
        self.config_path = self.folder / "signet.conf"
        self.control_path = self.folder / "control.sock"
        self.values = {"folder": self.folder, "certs": certs, **values}
        self.config_path.write_text(self.fill(config))
        self.process = None
        self.env = environment(**(env or {}))

    def fill(self, text):
        for name, value in self.values.items():
            text = text.replace("{" + name + "}", str(value))
        if "access_log" not in text:
            text = f"access_log {self.access_path} format=json\n" + text
        if "error_log" not in text:
            text = f"error_log {self.error_path} level=debug\n" + text
        if not re.search(r"^\s*control\b", text, re.M):  # at the end: lines keep their numbers
            text += f"\ncontrol unix:{self.control_path}\n"
        return for_this_build(text)

    def start(self, wrapper=(), pipe=None, program=SIGNET, **kwargs):
        """`wrapper`: a command that executes what follows it. `pipe`: a Pipe for what it says, instead of a file."""
        self.stderr_path = self.folder / "stderr"
        self.pipe = pipe
        self.stderr = pipe or open(self.stderr_path, "wb")
        self.process = start_group(*wrapper, program, "run", "-c", self.config_path, stdout=self.stderr, stderr=self.stderr, env=self.env,
                                   **kwargs)

        def ready():
            if self.process.poll() is not None:
                raise AssertionError(f"signet ended with {self.process.returncode}:\n{self.said()}")
            return " ready: pid " in self.errors()  # the master's word for all; each worker's own line stands before it

        wait_for("ready signet", ready)
        return self

    def write_config(self, text):
        self.config_path.write_text(self.fill(text))

    def outcomes(self):
        """What the error log says of reloads."""
        return [Outcome(int(m[2] or m[3]), m[2] is not None, m[0]) for m in OUTCOME.finditer(self.errors())]

    def reload(self, text=None):
        """By signal, with a new configuration if one is given; returns its outcome."""
        before = len(self.outcomes())
        if text is not None:
            self.write_config(text)
        self.process.send_signal(signal.SIGHUP)
        return wait_for("outcome of the reload", lambda: self.outcomes()[before:])[0]

    def said(self):
        return self.pipe.text() if self.pipe else self.stderr_path.read_text(errors="replace")

    def errors(self):
        """The error log, wherever it goes."""
        text = self.said()
        return text + (self.error_path.read_text(errors="replace") if self.error_path.exists() else "")

    def records(self):
        if not self.access_path.exists():
            return []
        lines = self.access_path.read_text().split("\n")
        return [json.loads(line) for line in lines[:-1]]

    def record(self, **wanted):
        """Waits for one record with these values (they are written within a second) and returns it."""
        def found():
            return [r for r in self.records() if all(r.get(k) == v for k, v in wanted.items())]
        try:
            matches = wait_for("record", found, 5)
        except AssertionError:
            raise AssertionError(f"no record with {wanted} among {self.records()}") from None
        assert len(matches) == 1, matches
        return matches[0]

    def command(self, *args, **kwargs):
        """`signet ARGS` to this one by its control socket: the finished process."""
        return run_signet(*args, "--control", self.control_path, **kwargs)

    def ctl(self, path, method="GET", **kwargs):
        """A request to the control socket: its Response, with the JSON of the body in .json."""
        return control(self.control_path, path, method, **kwargs)

    def workers(self):
        """Pids of the living children."""
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return [int(pid) for pid in children.split()]

    def stop(self):
        """Orderly; asserts that nothing leaked and no sanitizer spoke."""
        status = end_process(self.process)
        self.stderr.close()
        assert not SANITIZER.search(self.errors()), self.errors()
        assert status == 0, f"exit {status}:\n{self.errors()}"

    def kill(self):
        if self.process is not None:
            end_group(self.process)
            self.stderr.close()


class Pipe:
    """What a process writes into goes no further unless it is asked for."""

    def __init__(self):
        self.reader, self.writer = os.pipe()
        os.set_blocking(self.reader, False)
        self.read = b""

    def fileno(self):
        return self.writer

    def text(self):
        """All that came so far."""
        with contextlib.suppress(BlockingIOError):
            while self.reader is not None and (data := os.read(self.reader, 1 << 16)):
                self.read += data
        return self.read.decode(errors="replace")

    def abandon(self):
        """Nobody will read it any more."""
        os.close(self.reader)
        self.reader = None

    def close(self):
        self.text()
        for end in (self.reader, self.writer):
            if end is not None:
                os.close(end)
        self.reader = self.writer = None


def listening(pid):
    """How many listening sockets the process holds, each descriptor counted."""
    inodes = {line.split()[9] for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:] if line.split()[3] == "0A"}
    count = 0
    for fd in pathlib.Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            match = re.fullmatch(r"socket:\[(\d+)\]", os.readlink(fd))
            count += match is not None and match[1] in inodes
    return count


# --- origins

class RawOrigin:
    """Accepts connections and hands each to script(connection, origin) in a thread of its own. Keeps what it received."""

    def __init__(self, script, family=socket.AF_INET, path=None, port=0):
        self.script = script
        if path:
            self.listener = socket.socket(socket.AF_UNIX)
            self.listener.bind(str(path))
        else:
            self.listener = socket.socket(family)
            self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.listener.bind(("127.0.0.1", port))
        self.listener.listen(1024)  # a full queue drops, and who dials asks again after a second
        self.address = None if path else self.listener.getsockname()
        self.port = None if path else self.address[1]
        self.received = []     # one bytearray a connection
        self.ends = []         # (index of the connection, "fin" | "reset", seconds since it began)
        self.connections = 0
        self.lock = threading.Lock()
        self.thread = threading.Thread(target=self._accept, daemon=True)
        self.thread.start()

    def _accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with self.lock:
                index = self.connections
                self.connections += 1
                self.received.append(bytearray())
            threading.Thread(target=self._serve, args=(connection, index), daemon=True).start()

    def _serve(self, connection, index):
        peer = Peer(connection, self.received[index])
        begin = time.monotonic()
        with connection, contextlib.suppress(OSError, EOFError):
            self.script(peer, self)
            # Whoever is served to the end is watched for leaving.
            try:
                while peer.read_some():
                    pass
                end = "fin"
            except ConnectionResetError:
                end = "reset"
            self.ends.append((index, end, time.monotonic() - begin))

    def close(self):
        self.listener.close()


class Peer:
    """A connection as an origin's script sees it."""

    def __init__(self, connection, log):
        self.connection, self.log, self.buffer = connection, log, b""
        connection.settimeout(60)

    def read_some(self):
        data = self.connection.recv(65536)
        self.log += data
        return data

    def read_head(self):
        """One request head as text, without its empty line."""
        while b"\r\n\r\n" not in self.buffer:
            data = self.read_some()
            if not data:
                raise EOFError
            self.buffer += data
        head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        return head.decode("latin-1")

    def read_exactly(self, count):
        while len(self.buffer) < count:
            data = self.read_some()
            if not data:
                raise EOFError
            self.buffer += data
        body, self.buffer = self.buffer[:count], self.buffer[count:]
        return body

    def send(self, data):
        self.connection.sendall(data if isinstance(data, bytes) else data.encode("latin-1"))

    def answer(self, body=b"ok", status="200 OK", extra=""):
        body = body if isinstance(body, bytes) else body.encode()
        self.send(f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{extra}\r\n".encode() + body)


def answering(body=b"ok", **kwargs):
    """A script: answers every bodiless request on a connection alike."""
    def script(peer, origin):
        while True:
            peer.read_head()
            peer.answer(body, **kwargs)
    return script


class ProcessOrigin:
    def __init__(self, args, port, folder, name, **kwargs):
        self.port = port
        self.log = open(pathlib.Path(folder) / f"{name}.log", "wb")
        self.process = start_group(*args, stdout=self.log, stderr=self.log, **kwargs)
        try:
            wait_for_port(port, process=self.process)
        except BaseException:
            self.close()
            raise

    def close(self):
        end_group(self.process)
        self.log.close()


def node_origin(folder, name="node"):
    port = free_port()
    return ProcessOrigin(["node", ROOT / "tests/e2e/origins/origin.js", port, name], port, folder, name)


class NginxOrigin(ProcessOrigin):
    """A private nginx: `server_text` stands inside its server block, `http_text` beside it."""

    def __init__(self, folder, server_text="", http_text="", port=None):
        folder = pathlib.Path(folder)
        self.root = folder / "www"
        self.root.mkdir(parents=True, exist_ok=True)
        os.chmod(folder, 0o755)
        port = port or free_port()
        config = folder / "nginx.conf"
        config.write_text(f"""
daemon off; pid {folder}/nginx.pid; error_log {folder}/nginx.error.log info; worker_processes 1;
{"user root;" if os.geteuid() == 0 else ""}
events {{ worker_connections 512; }}
http {{
    access_log {folder}/nginx.access.log; default_type application/octet-stream; keepalive_requests 1000000;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; client_max_body_size 0;
    fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
    {http_text}
    server {{ listen 127.0.0.1:{port}; root {self.root}; {server_text} }}
}}
""")
        super().__init__(["/usr/sbin/nginx", "-c", config, "-p", folder], port, folder, "nginx")


# --- clients

def curl(signet_port, path="/", *args, host="shop.example.test", scheme="https", certs=None, timeout=60):
    """curl against signet by name; returns the finished process, with stdout and stderr as bytes."""
    trust = ["--cacert", str(certs / "ca.crt")] if certs else []
    return subprocess.run(
        ["curl", "-sS", *trust, "--resolve", f"{host}:{signet_port}:127.0.0.1", *map(str, args),
         f"{scheme}://{host}:{signet_port}{path}"], capture_output=True, timeout=timeout)


def tls_client(port, certs, host="shop.example.test", receive=None, **options):
    """A TLS connection to signet by Python's ssl; options are attributes of the context. `receive`: bytes that the kernel may take
    for a client that does not read, so that little reading shows at once."""
    context = ssl.create_default_context(cafile=str(certs / "ca.crt"))
    for name, value in options.items():
        setattr(context, name, value)
    raw = socket.socket()
    raw.settimeout(DEADLINE)
    if receive:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive)
    raw.connect(("127.0.0.1", port))
    return context.wrap_socket(raw, server_hostname=host)


def client_hello(name):
    """The first bytes of a handshake for this name."""
    read, written = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = ssl.create_default_context().wrap_bio(read, written, server_hostname=name)
    with contextlib.suppress(ssl.SSLWantReadError):
        client.do_handshake()
    return written.read()


class Response:
    def __init__(self, status, head, fields, body, rest):
        self.status, self.head, self.fields, self.body, self.rest = status, head, fields, body, rest


def read_response(connection, buffer=b"", method="GET"):
    """One response from a socket; understands Content-Length, chunked and close. 1xx are returned as responses of their own."""
    def more():
        data = connection.recv(65536)
        if not data:
            raise EOFError(f"the connection ended after {buffer[:200]!r}")
        return data

    while b"\r\n\r\n" not in buffer:
        buffer += more()
    head, buffer = buffer.split(b"\r\n\r\n", 1)
    lines = head.decode("latin-1").split("\r\n")
    status = int(lines[0].split(" ")[1])
    fields = {}
    for line in lines[1:]:
        name, value = line.split(":", 1)
        fields[name.strip().lower()] = value.strip()
    body = b""
    if method == "HEAD" or status < 200 or status in (204, 304):
        pass
    elif "chunked" in fields.get("transfer-encoding", ""):
        while True:
            while b"\r\n" not in buffer:
                buffer += more()
            line, buffer = buffer.split(b"\r\n", 1)
            size = int(line.split(b";")[0], 16)
            while len(buffer) < size + 2 and size:
                buffer += more()
            if size == 0:
                while not (buffer.startswith(b"\r\n") or b"\r\n\r\n" in buffer):
                    buffer += more()
                buffer = buffer[2:] if buffer.startswith(b"\r\n") else buffer.split(b"\r\n\r\n", 1)[1]
                break
            body, buffer = body + buffer[:size], buffer[size + 2:]
    elif "content-length" in fields:
        size = int(fields["content-length"])
        while len(buffer) < size:
            buffer += more()
        body, buffer = buffer[:size], buffer[size:]
    else:
        with contextlib.suppress(EOFError):
            while True:
                buffer += more()
        body, buffer = buffer, b""
    return Response(status, head.decode("latin-1"), fields, body, buffer)


def talk(connection, request, method="GET"):
    connection.sendall(request if isinstance(request, bytes) else request.encode("latin-1"))
    return read_response(connection, method=method)


def control(socket_path, path, method="GET", fields="", body=b""):
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(DEADLINE)
        s.connect(str(socket_path))
        head = f"{method} {path} HTTP/1.1\r\nHost: signet\r\n{fields}"
        if body:
            head += f"Content-Length: {len(body)}\r\n"
        s.sendall(head.encode() + b"\r\n" + body)
        response = read_response(s, method=method)
    response.json = json.loads(response.body) if "json" in response.fields["content-type"] and response.body else None
    return response


def sha256(data):
    return hashlib.sha256(data).hexdigest()
