# SPDX-License-Identifier: Apache-2.0
"""The five origins, and what each answers to bytes."""
import asyncio
import pathlib
import re
import shutil
import sys
import tempfile

from reading import request_of_report

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "e2e"))
import harness  # noqa: E402  (the end-to-end tests' processes and ports)

HERE = pathlib.Path(__file__).parent / "origins"
COMMANDS = {
    "nginx": lambda folder, port: ["/usr/sbin/nginx", "-p", folder, "-c", folder / "nginx.conf"],
    "apache2": lambda folder, port: ["/usr/sbin/apache2", "-DFOREGROUND", "-f", folder / "apache2.conf"],
    "lighttpd": lambda folder, port: ["/usr/sbin/lighttpd", "-D", "-f", folder / "lighttpd.conf"],
    "node": lambda folder, port: ["/usr/bin/node", HERE / "node.js", port],
    "python": lambda folder, port: ["/usr/bin/python3", HERE / "python.py", port],
}
NAMES = tuple(COMMANDS)
PATIENCE = 20  # seconds of silence, on a machine that has much else to do, until an origin is taken to wait for more


class Origins:
    """Five processes (and one behind three of them) in a folder of their own, ended by close()."""

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="signet-differential-"))
        self.folder.chmod(0o755)  # Apache gives up root, and its children must reach the socket
        self.ports = {name: harness.free_port() for name in NAMES}
        self.processes = []
        self.log = open(self.folder / "output", "wb")
        try:
            self._start()
        except BaseException:
            self.close()
            raise

    def _start(self):
        backend = self.folder / "backend"
        self._run("/usr/bin/node", HERE / "fastcgi.js", backend)
        harness.wait_for("backend", backend.exists)
        backend.chmod(0o777)
        for name, command in COMMANDS.items():
            self._configure(name, backend)
            self._run(*command(self.folder, self.ports[name]))
        for name, process in zip(NAMES, self.processes[1:]):
            self._wait_for(name, process)

    def _wait_for(self, name, process):
        try:
            harness.wait_for_port(self.ports[name], process=process)
        except AssertionError as problem:
            said = "".join(path.read_text(errors="replace") for path in [self.folder / "output", *self.folder.glob("*.log")])
            raise AssertionError(f"{name}: {problem}\n{said}") from None

    def _configure(self, name, backend):
        template = HERE / f"{name}.conf"
        if template.exists():
            text = template.read_text()
            for key, value in {"folder": self.folder, "port": self.ports[name], "backend": backend}.items():
                text = text.replace("{" + key + "}", str(value))
            (self.folder / template.name).write_text(text)

    def _run(self, *command):
        self.processes.append(harness.start_group(*command, stdout=self.log, stderr=self.log))

    def close(self):
        for process in self.processes:
            harness.end_group(process)
        self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    async def ask(self, name, pieces, cut=False, patience=PATIENCE):
        """Sends `pieces` on a connection of its own, each when the one before is answered, and returns the final answers. A FIN
        follows the last one when that is `cut`; else it asks for the end itself."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.ports[name], limit=2**24)
        received, silent = bytearray(), False
        try:
            for number, piece in enumerate(pieces, 1):
                writer.write(piece)
                last = number == len(pieces)
                if last and cut:
                    writer.write_eof()
                await receive(reader, received, patience, None if last else number)
        except asyncio.TimeoutError:
            silent = True
        except OSError:
            pass  # it has closed, and what it said before is there
        finally:
            writer.transport.abort()
        return answers_in(bytes(received)) + ([Silence()] if silent else [])

    async def ask_all(self, pieces, cut=False, patience=PATIENCE):
        """{origin: answers}, all asked at once."""
        answers = await asyncio.gather(*(self.ask(name, pieces, cut, patience) for name in NAMES))
        return dict(zip(NAMES, answers))


async def receive(reader, received, patience, answers):
    """Until the end, or until there are that many answers unless it is None. TimeoutError when nothing comes."""
    while answers is None or len(answers_in(bytes(received))) < answers:
        part = await asyncio.wait_for(reader.read(262144), patience)
        if not part:
            break
        received += part


# --- answers

REPORT = re.compile(rb"(?i)\r\nX-Read-([0-9]+): ([^\r\n]*)(?=\r\n)")
LENGTH = re.compile(rb"(?i)\r\nContent-Length: *([0-9]+)")


class Silence:
    """The origin neither answers nor closes: it waits for more bytes."""

    def __str__(self):
        return "waits for more"


class Refusal:
    """An answer that does not tell a reading: the server's own."""

    def __init__(self, status, closes):
        self.status, self.closes = status, closes

    def __str__(self):
        return f"answers {self.status} by itself" + (" and closes" if self.closes else "")


def answers_in(data):
    """The final answers: a Request for what was read, a Refusal for the server's own."""
    answers, at = [], 0
    while (end := data.find(b"\r\n\r\n", at)) >= 0:
        head = data[at:end + 2]
        at = end + 4
        status = int(head[9:12]) if head.startswith(b"HTTP/1.") else 0
        if 100 <= status < 200:
            continue
        pieces = {int(number): piece for number, piece in REPORT.findall(head)}
        if pieces:
            answers.append(request_of_report(b"".join(piece for _, piece in sorted(pieces.items()))))
            # Apache says it has nothing to say in chunks, though not of HEAD
            at += 5 if data.startswith(b"0\r\n\r\n", at) else 0
            continue
        closes = status == 0 or b"\r\nconnection: close" in head.lower()
        answers.append(Refusal(status, closes))
        if closes:
            break
        length = LENGTH.search(head)
        if length and not data.startswith(b"HTTP/1.", at):  # HEAD has none
            at += int(length[1])
    return answers
