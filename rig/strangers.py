"""Strangers at a port, as a process: `python -m rig.strangers PORT IDLE LOOPING SECONDS`.

IDLE connections are held open and say nothing, LOOPING threads connect again and again and send what is no handshake. They come from
many addresses of loopback. When time is over it prints how often a connection was made."""

import resource
import socket
import sys
import time

from secondsite.ground import threads

ADDRESSES = 40
MARGIN = 100


class Strangers:
    def __init__(self, port: int, seconds: float) -> None:
        self._port = port
        self._ends_at = time.monotonic() + seconds
        self.made = 0

    def hold(self, number: int, count: int) -> None:
        """Keep `count` connections open: what is closed is dialled again."""
        held: list[socket.socket] = []
        while time.monotonic() < self._ends_at:
            held = [each for each in held if not _has_ended(each)]
            held += [each for _ in range(count - len(held)) if (each := self._dial(number)) is not None]
            time.sleep(0.2)

    def loop(self, number: int) -> None:
        while time.monotonic() < self._ends_at:
            made = self._dial(number, looping=True)
            if made is not None:
                made.close()

    def _dial(self, number: int, looping: bool = False) -> socket.socket | None:
        plain = socket.socket()
        plain.settimeout(2)
        try:
            plain.bind((f"127.0.1.{number % ADDRESSES + 1}", 0))
            plain.connect(("127.0.0.1", self._port))
            if looping:
                plain.sendall(b"GET / HTTP/1.0")
        except OSError:
            plain.close()
            return None
        self.made += 1
        return plain


def _has_ended(held: socket.socket) -> bool:
    held.setblocking(False)
    try:
        return held.recv(1) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


def main() -> None:
    port, idle, looping, seconds = int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, idle + looping + MARGIN), hard))
    strangers = Strangers(port, seconds)
    holders = [threads.worker(f"holder-{n}", strangers.hold, n, idle // ADDRESSES) for n in range(ADDRESSES)]
    loopers = [threads.worker(f"looper-{n}", strangers.loop, n) for n in range(looping)]
    for each in (*holders, *loopers):
        each.start()
    for each in (*holders, *loopers):
        each.join()
    print(strangers.made)


if __name__ == "__main__":
    main()
