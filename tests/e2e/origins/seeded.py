# SPDX-License-Identifier: Apache-2.0
"""An origin whose every answer can be checked:  seeded.py PORT
The path is /SEED/BYTES[/END]. It answers with as many bytes made from the seed, and with the SHA-256 of the body it got in
X-Body-SHA256. END: "chunked" answers so, "cut" ends the connection in the middle of the answer."""
import asyncio
import hashlib
import sys


def bytes_of(seed, count):
    """No part of it comes twice, so what is lost, doubled or another's shows."""
    return hashlib.shake_128(seed.encode()).digest(count)


async def read_line(reader):
    line = await reader.readuntil(b"\r\n")
    return line[:-2].decode("latin-1")


async def read_head(reader):
    path = (await read_line(reader)).split(" ")[1]
    fields = {}
    while line := await read_line(reader):
        name, value = line.split(":", 1)
        fields[name.lower()] = value.strip()
    return path, fields


async def hash_body(reader, fields):
    sha256 = hashlib.sha256()

    async def take(count):
        while count > 0:
            part = await reader.read(min(count, 65536))
            if not part:
                raise EOFError
            sha256.update(part)
            count -= len(part)

    if "transfer-encoding" in fields:
        while size := int(await read_line(reader), 16):
            await take(size)
            await read_line(reader)
        await read_line(reader)
    else:
        await take(int(fields.get("content-length", 0)))
    return sha256.hexdigest()


async def send(writer, seed, count, end, digest):
    framing = "Transfer-Encoding: chunked" if end == "chunked" else f"Content-Length: {count}"
    writer.write(f"HTTP/1.1 200 OK\r\nX-Body-SHA256: {digest}\r\nX-Seed: {seed}\r\n{framing}\r\n\r\n".encode())
    body = bytes_of(seed, count)
    if end == "chunked":
        size = 1 + count // 7
        parts = [body[at:at + size] for at in range(0, count, size)]
        body = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"
    writer.write(body[:len(body) // 2] if end == "cut" else body)
    await writer.drain()


async def serve(reader, writer):
    try:
        while True:
            path, fields = await read_head(reader)
            _, seed, count, *end = path.split("/")
            end = end[0] if end else ""
            digest = await hash_body(reader, fields)
            await send(writer, seed, int(count), end, digest)
            if end == "cut":
                break
    except (EOFError, asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.transport.abort()


async def main(port):
    server = await asyncio.start_server(serve, "127.0.0.1", port, limit=1 << 20, backlog=1000)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
