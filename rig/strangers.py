"""Strangers at a port, as a process: `python -m rig.strangers PORT IDLE LOOPING SECONDS [--tls]
[--elsewhere]`.

IDLE connections are held open and say nothing, LOOPING threads connect again and again and send what is no
handshake. With `--tls` half of the idle ones have shaken hands, and all that loop do, and send a wrong
token with 100 kB. They come from many addresses of loopback. `--elsewhere`: as if on other hosts, they
take of this one's processor what nobody else wants. When time is over it prints how often a connection was
made."""

import argparse
import contextlib
import os
import resource
import socket
import ssl
import time

from secondsite.ground import threads

ADDRESSES = 40
MARGIN = 100
NO_HANDSHAKE = b"GET / HTTP/1.0"
BODY_BYTES = 100_000
WRONG_TOKEN = (
    b"POST /api/sites HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer sst_" + b"a" * 43 + b"\r\n"
    b"Content-Length: %d\r\n\r\n" % BODY_BYTES
) + b"x" * BODY_BYTES


class Strangers:
    def __init__(self, port: int, seconds: float, *, tls: bool) -> None:
        self._port = port
        self._ends_at = time.monotonic() + seconds
        self._tls = _trusting() if tls else None
        self.made = 0

    def hold(self, number: int, count: int) -> None:
        """Keep `count` connections open: what is closed is dialled again."""
        held: list[socket.socket] = []
        while time.monotonic() < self._ends_at:
            held = [each for each in held if not _has_ended(each)]
            tls = self._tls if number % 2 else None
            held += [each for _ in range(count - len(held)) if (each := self._dial(number, tls)) is not None]
            time.sleep(0.2)

    def loop(self, number: int) -> None:
        said = NO_HANDSHAKE if self._tls is None else WRONG_TOKEN
        while time.monotonic() < self._ends_at:
            made = self._dial(number, self._tls)
            if made is not None:
                with contextlib.suppress(OSError), made:
                    made.sendall(said)

    def _dial(self, number: int, tls: ssl.SSLContext | None) -> socket.socket | None:
        if time.monotonic() >= self._ends_at:  # whoever is kept out waits at each try
            return None
        plain = socket.socket()
        plain.settimeout(2)
        try:
            plain.bind((f"127.0.1.{number % ADDRESSES + 1}", 0))
            plain.connect(("127.0.0.1", self._port))
            secured = plain if tls is None else tls.wrap_socket(plain)
        except OSError:
            plain.close()
            return None
        self.made += 1
        return secured


def _trusting() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def _has_ended(held: socket.socket) -> bool:
    held.setblocking(False)
    try:
        return held.recv(1) == b""
    except (BlockingIOError, ssl.SSLWantReadError):
        return False
    except OSError:
        return True


def main() -> None:
    words = argparse.ArgumentParser()
    for name, kind in (("port", int), ("idle", int), ("looping", int), ("seconds", float)):
        words.add_argument(name, type=kind)
    words.add_argument("--tls", action="store_true")
    words.add_argument("--elsewhere", action="store_true")
    chosen = words.parse_args()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, chosen.idle + chosen.looping + MARGIN), hard))
    if chosen.elsewhere:
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    strangers = Strangers(chosen.port, chosen.seconds, tls=chosen.tls)
    each_holds = chosen.idle // ADDRESSES
    holders = [threads.worker(f"holder-{n}", strangers.hold, n, each_holds) for n in range(ADDRESSES)]
    loopers = [threads.worker(f"looper-{n}", strangers.loop, n) for n in range(chosen.looping)]
    for each in (*holders, *loopers):
        each.start()
    for each in (*holders, *loopers):
        each.join()
    print(strangers.made)


if __name__ == "__main__":
    main()
