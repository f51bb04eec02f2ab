"""What a person has of a line into a drill's machine: a terminal, this program's input and output, or a port
of this computer."""

import asyncio
import contextlib
import os
import sys
import termios
import tty
from collections.abc import Awaitable, Callable, Iterator

from ..client.lines import Line
from ..domain import errors
from ..domain.drills.ways import MOST_OF_ONE
from ..ground.units import KiB
from . import output

PIECE_BYTES = 32 * KiB
LEAVE = b"\x1d"
"""Ctrl-], as of 'virsh console' and telnet."""

Enter = Callable[[], Awaitable[Line]]


def terminal(enter: Enter) -> None:
    """The machine's console at this terminal, until Ctrl-] or its end. Raises InvalidArgument without a
    terminal."""
    if not sys.stdin.isatty():
        raise errors.InvalidArgument("A console needs a terminal, and the input is none.")
    asyncio.run(_terminal(enter))


def pipe(enter: Enter) -> None:
    """This program's input and output are the line's ends, as for ssh's ProxyCommand."""
    asyncio.run(_pipe(enter))


def local_port(enter: Enter, port: int, told: Callable[[int], None]) -> None:
    """Each connection to a port of this computer's loopback address has a line of its own, until Ctrl-C.
    `told` hears the port."""
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_local_port(enter, port, told))


async def _terminal(enter: Enter) -> None:
    async with await enter() as line:
        output.warn("connected; Ctrl-] leaves")
        with _raw():
            await _passed(line, *(await _standard()), leaves=LEAVE)
    output.warn("left")


async def _pipe(enter: Enter) -> None:
    async with await enter() as line:
        await _passed(line, *(await _standard()))


async def _local_port(enter: Enter, port: int, told: Callable[[int], None]) -> None:
    # One line is opened and closed again, so that what is wrong is said here, and not to whoever connects.
    async with await enter():
        pass
    places = asyncio.Semaphore(MOST_OF_ONE)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with places, await enter() as line:
                await _passed(line, reader, writer)
        except errors.SecondsiteError as problem:
            output.warn(f"{problem.message} {problem.do}")
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", port, limit=PIECE_BYTES)
    told(server.sockets[0].getsockname()[1])
    async with server:
        await server.serve_forever()


async def _passed(
    line: Line, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, leaves: bytes | None = None
) -> None:
    """Pass bytes on both ways until the machine's side ends, or the person leaves."""
    said = asyncio.create_task(_said(line, reader, leaves))
    heard = asyncio.create_task(_heard(line, writer))
    try:
        done, _ = await asyncio.wait({said, heard}, return_when=asyncio.FIRST_COMPLETED)
        if said in done and not said.result():
            await heard
    finally:
        for each in (said, heard):
            each.cancel()
        await asyncio.gather(said, heard, return_exceptions=True)


async def _said(line: Line, reader: asyncio.StreamReader, leaves: bytes | None) -> bool:
    """Whether the person left; else there is no more input, and the machine may still answer."""
    while part := await reader.read(PIECE_BYTES):
        kept, found, _ = part.partition(leaves) if leaves else (part, b"", b"")
        if kept:
            await line.write(kept)
        if found:
            return True
    await line.end()
    return False


async def _heard(line: Line, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while part := await line.read():
            writer.write(part)
            await writer.drain()


async def _standard() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """This program's input and output. Files of their own: what asyncio sets for them must not stay."""
    loop, reader = asyncio.get_running_loop(), asyncio.StreamReader(PIECE_BYTES)
    heard = asyncio.StreamReaderProtocol(reader)
    await loop.connect_read_pipe(lambda: heard, os.fdopen(os.dup(0), "rb", buffering=0))
    flow = await loop.connect_write_pipe(
        lambda: asyncio.StreamReaderProtocol(asyncio.StreamReader()), os.fdopen(os.dup(1), "wb", buffering=0)
    )
    return reader, asyncio.StreamWriter(flow[0], flow[1], None, loop)


@contextlib.contextmanager
def _raw() -> Iterator[None]:
    """The terminal passes each key on as it is."""
    kept, blocking = termios.tcgetattr(0), os.get_blocking(0)
    tty.setraw(0)
    try:
        yield
    finally:
        os.set_blocking(0, blocking)
        termios.tcsetattr(0, termios.TCSAFLUSH, kept)  # what was typed for the guest is not for the shell
