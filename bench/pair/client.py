"""The process of one client: `python -m bench.pair.client URL TOKEN_FILE CA_FILE`, until its input ends; then
it tells what it saw.

It reads bytes and looks at nothing: what a client takes of the two cores is missing to the vault.
"""

from __future__ import annotations

import json
import select
import socket
import ssl
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

READY = "ready"
ANSWER_SECONDS = 60.0
MOST_BYTES = 4 * 1024 * 1024
END, LENGTH = b"\r\n\r\n", b"\r\ncontent-length: "


def main() -> int:
    url, token_file, ca_file = sys.argv[1:]
    place = urlsplit(url)
    with _connected(str(place.hostname), place.port or 443, ca_file) as line:
        print(READY, flush=True)
        seen = list(_asked(line, _request(url, Path(token_file).read_text().strip())))
    seconds = [took for took, _ in seen]
    print(json.dumps({"seconds": seconds, "size_bytes": seen[-1][1] if seen else 0}))
    return 0


def _connected(host: str, port: int, ca_file: str) -> ssl.SSLSocket:
    trust = ssl.create_default_context(cafile=ca_file)
    return trust.wrap_socket(socket.create_connection((host, port), ANSWER_SECONDS), server_hostname=host)


def _request(url: str, token: str) -> bytes:
    place = urlsplit(url)
    path = f"{place.path}?{place.query}" if place.query else place.path
    lines = (f"GET {path} HTTP/1.1", f"Host: {place.netloc}", f"Authorization: Bearer {token}", "", "")
    return "\r\n".join(lines).encode()


def _asked(line: ssl.SSLSocket, request: bytes) -> Iterator[tuple[float, int]]:
    """Seconds and size of each answer."""
    space = memoryview(bytearray(MOST_BYTES))
    while not select.select([sys.stdin], [], [], 0)[0]:
        began = time.perf_counter()
        line.sendall(request)
        size = _answer(line, space)
        yield time.perf_counter() - began, size


def _answer(line: ssl.SSLSocket, space: memoryview) -> int:
    """The size of its body. Exits for any but 200."""
    have, head = 0, b""
    while END not in head:
        have += _some(line, space[have:])
        head = bytes(space[:have])
    head = head[: head.index(END)]
    if not head.startswith(b"HTTP/1.1 200 "):
        sys.exit(f"was answered with {head!r}")
    size = int(head.lower().partition(LENGTH)[2].partition(b"\r\n")[0])
    whole = len(head) + len(END) + size
    while have < whole:
        have += _some(line, space[have:])
    return size


def _some(line: ssl.SSLSocket, space: memoryview) -> int:
    return line.recv_into(space) or sys.exit("was not answered: the connection ended")


if __name__ == "__main__":
    sys.exit(main())
