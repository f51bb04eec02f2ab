"""Reads the content of a disk's chain of files: qemu-img says where there is data, and qemu-nbd serves it."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import struct
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

from ..problems import Problem
from .digests import BLOCK_BYTES

PIECE_BYTES = 2 * 1024 * 1024
ANSWER_SECONDS = 120.0
_LOOK_SECONDS = 0.02
_HELLO, _OPTION, _BY_NAME = b"NBDMAGICIHAVEOPT", b"IHAVEOPT", 1
_NO_ZEROES = 2
_REQUEST, _REPLY = struct.Struct(">IHHQQI"), struct.Struct(">IIQ")
_ASKS, _ANSWERS, _READ = 0x25609513, 0x67446698, 0


class Unreadable(Problem):
    """QEMU cannot read a part of it."""


class Content:
    """The content of a chain of files, given as `qemu-img info` lists it; open until the context ends."""

    def __init__(self, chain: Sequence[dict[str, Any]], key: Path | None) -> None:
        self.size_bytes = int(chain[0]["virtual-size"])
        self._name = named(chain, key)
        self._secret = ["--object", f"secret,id=key,file={key}"] if key else []
        self._open = contextlib.ExitStack()

    def __enter__(self) -> Content:
        """Open it. Raises Problem, OSError."""
        with contextlib.ExitStack() as opening:
            folder = Path(tempfile.mkdtemp(prefix="secondsite-rescue-"))
            opening.callback(shutil.rmtree, folder, ignore_errors=True)
            command = ["qemu-nbd", "--read-only", *self._secret, f"--socket={folder / 's'}", self._name]
            server = opening.enter_context(running(command))
            self._line = opening.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
            self._line.settimeout(ANSWER_SECONDS)
            _connect(self._line, folder / "s", server)
            self._begin()
            self._open = opening.pop_all()
        return self

    def __exit__(self, *_failed: object) -> None:
        self._open.close()

    def pieces(self) -> Iterator[tuple[int, bytearray | None]]:
        """(length, data) in order, of whole blocks but at the disk's end; None for zeros. Raises Problem,
        OSError."""
        at = 0
        for start, end in self._held():
            if start > at:
                yield start - at, None
            for place in range(start, end, PIECE_BYTES):
                data = self._read(place, min(PIECE_BYTES, end - place))
                yield len(data), data
            at = end
        if at < self.size_bytes:
            yield self.size_bytes - at, None

    def _held(self) -> Iterator[tuple[int, int]]:
        """(start, end) of the ranges of blocks that contain any data."""
        first = last = 0
        for start, end in self._extents():
            begin = start // BLOCK_BYTES * BLOCK_BYTES
            if begin > last:
                if last > first:
                    yield first, last
                first = begin
            last = max(last, min(-(-end // BLOCK_BYTES) * BLOCK_BYTES, self.size_bytes))
        if last > first:
            yield first, last

    def _extents(self) -> Iterator[tuple[int, int]]:
        """The extents of the disk, read line by line: there may be millions."""
        command = ["qemu-img", "map", "--output=json", "-U", *self._secret, self._name]
        with running(command, stdout=subprocess.PIPE) as mapping:
            assert mapping.stdout is not None
            for line in mapping.stdout:
                told = line.strip(b"[], \n")
                extent = json.loads(told) if told else {"zero": True}
                if not extent["zero"]:
                    yield extent["start"], extent["start"] + extent["length"]
            if mapping.wait(ANSWER_SECONDS):
                raise Problem(f"qemu-img failed: {said(mapping)}.")

    def _begin(self) -> None:
        if self._take(len(_HELLO)) != _HELLO:
            raise Problem("qemu-nbd does not speak NBD.")
        self._take(2)
        self._line.sendall(struct.pack(">I", 1 | _NO_ZEROES))
        self._line.sendall(_OPTION + struct.pack(">II", _BY_NAME, 0))
        self._take(10)

    def _read(self, offset: int, length: int) -> bytearray:
        self._line.sendall(_REQUEST.pack(_ASKS, 0, _READ, 0, offset, length))
        magic, error, _ = _REPLY.unpack(self._take(_REPLY.size))
        if magic != _ANSWERS or error:
            raise Unreadable(f"it cannot be read at {offset}: {os.strerror(error)}")
        return self._take(length)

    def _take(self, length: int) -> bytearray:
        data = bytearray(length)
        view, at = memoryview(data), 0
        while at < length:
            came = self._line.recv_into(view[at:])
            if not came:
                raise Problem("qemu-nbd ended while it was asked")
            at += came
        return data


def named(chain: Sequence[dict[str, Any]], key: Path | None) -> str:
    """How QEMU's programs are told a chain of files."""
    return f"json:{json.dumps(_node(chain, key))}"


def _node(chain: Sequence[dict[str, Any]], key: Path | None) -> dict[str, Any]:
    """Options for opening the chain. Plain files are opened by their headers; those that need a key are named
    one by one."""
    node: dict[str, Any] = {}
    for link in reversed(chain if key else chain[:1]):
        below = node
        path = Path(str(link["filename"]))
        protocol = "host_device" if path.is_block_device() else "file"
        node = {"driver": link["format"], "file": {"driver": protocol, "filename": str(path)}}
        if link.get("encrypted"):
            node["encrypt"] = {"format": "luks", "key-secret": "key"}
        if below:
            node["backing"] = below
    return {**node, "read-only": True, "force-share": True}


@contextlib.contextmanager
def running(command: Sequence[str], stdout: int = subprocess.DEVNULL) -> Iterator[subprocess.Popen[bytes]]:
    """A program, until the context ends. Raises Problem if it is not here."""
    try:
        program = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=stdout, stderr=subprocess.PIPE)
    except FileNotFoundError:
        raise Problem(
            f"There is no {command[0]} here.", "Install QEMU: 'apt install qemu-system-x86 qemu-utils'."
        ) from None
    with program:
        try:
            yield program
        finally:
            program.kill()


def _connect(line: socket.socket, path: Path, server: subprocess.Popen[bytes]) -> None:
    ends_at = time.monotonic() + ANSWER_SECONDS
    while True:
        try:
            return line.connect(str(path))
        except (FileNotFoundError, ConnectionRefusedError):
            if server.poll() is not None:
                raise Problem(f"it cannot be opened: {said(server)}") from None
            if time.monotonic() > ends_at:
                raise Problem(f"qemu-nbd did not open it within {ANSWER_SECONDS:.0f} s") from None
            time.sleep(_LOOK_SECONDS)


def said(program: subprocess.Popen[bytes]) -> str:
    """What a program that has ended said went wrong."""
    errors: IO[bytes] | None = program.stderr
    return errors.read().decode(errors="replace").strip() if errors is not None else ""
