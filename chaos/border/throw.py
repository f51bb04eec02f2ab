"""Hostile inputs, each read as it is read where it enters. Only the errors that are meant for it may come,
soon and in little memory."""

import json
import resource
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Any, Final

from pydantic import ValidationError

from chaos.border import grown, real
from secondsite.datapath.channel import Message, ReceivedFrame, messages
from secondsite.datapath.cycles import CycleHeader, cycle_file
from secondsite.datapath.errors import DatapathError
from secondsite.datapath.frames import frame as frames
from secondsite.datapath.frames import packed_frame
from secondsite.datapath.replica.record.manifest import digest_of
from secondsite.ground.units import KiB, MiB
from secondsite.wire import control

SLOWEST_SECONDS: Final = 2.0
MOST_GROWN_BYTES: Final = 200 * MiB
SAY_EVERY_SECONDS: Final = 10.0
LONGEST_SAID: Final = 1000


@dataclass
class Thrown:
    """How many inputs were refused, and how many taken, by kind; `broken` says what an input did that it
    must not."""

    seed: int
    refused: Counter[str] = field(default_factory=Counter)
    taken: Counter[str] = field(default_factory=Counter)
    slowest_seconds: float = 0.0
    grown_bytes: int = 0
    seconds: float = 0.0
    broken: str | None = None

    @property
    def count(self) -> int:
        return self.refused.total() + self.taken.total()

    def as_json(self) -> dict[str, Any]:
        return {**vars(self), "inputs": self.count}


Read = Callable[[Random], bool]
"""Makes one input and reads it; whether it was taken. Raises only what must not be raised."""


def run(
    inputs: int, seed: int, say: Callable[[str], None] = lambda _line: None, within_seconds: float = 1e9
) -> Thrown:
    """Throw so many inputs, or as many as there is time for."""
    thrown, dice, began, said_at = Thrown(seed), Random(seed), time.monotonic(), time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        readers = _readers(Path(folder), dice)
        for name in _warm(readers, dice):
            thrown.taken[name] += 0
        before = _most_memory()
        while thrown.count < inputs and thrown.broken is None and time.monotonic() - began < within_seconds:
            _throw(thrown, dice, readers)
            thrown.grown_bytes = _most_memory() - before
            if thrown.grown_bytes > MOST_GROWN_BYTES:
                thrown.broken = f"memory grew by {thrown.grown_bytes} bytes"
            if time.monotonic() - said_at > SAY_EVERY_SECONDS:
                said_at = time.monotonic()
                say(f"{thrown.count} inputs")
    thrown.seconds = time.monotonic() - began
    return thrown


def _warm(readers: dict[str, Read], dice: Random) -> Iterator[str]:
    """The first reads load what is loaded once."""
    for name, read in readers.items():
        read(dice)
        yield name


def _throw(thrown: Thrown, dice: Random, readers: dict[str, Read]) -> None:
    name = dice.choice(list(readers))
    state, began = dice.getstate(), time.monotonic()
    try:
        taken = readers[name](dice)
    except Exception as error:
        dice.setstate(state)
        thrown.broken = f"{name}, input {thrown.count} of seed {thrown.seed}: {error!r:.300}"
        return
    took = time.monotonic() - began
    thrown.slowest_seconds = max(thrown.slowest_seconds, took)
    (thrown.taken if taken else thrown.refused)[name] += 1
    if took > SLOWEST_SECONDS:
        thrown.broken = f"{name}, input {thrown.count} of seed {thrown.seed} took {took:.1f} s"


def _most_memory() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * KiB


def _readers(folder: Path, dice: Random) -> dict[str, Read]:
    encoded = [(each.head, bytes(each.payload)) for each in real.encoded(dice)]
    cycle = _cycle(folder, dice)
    said = real.messages()
    return {
        "frame with other bits": lambda dice: _frame(grown.bits(b"".join(dice.choice(encoded)), dice)),
        "frame with another header": lambda dice: _frame(b"".join(grown.frame(*dice.choice(encoded), dice))),
        "message": lambda dice: _message(
            grown.message(grown.document({"is": "BEGIN", "header": real.HEADER}, dice))
        ),
        "cycle with other bits": lambda dice: _file(folder, grown.bits(cycle, dice)),
        "cycle with another header": lambda dice: _file(folder, _headed(cycle, dice)),
        "header": lambda dice: _message(_begin(grown.json_value(real.HEADER, dice))),
        "control message": lambda dice: _control(grown.document(dice.choice(said), dice)),
    }


def _cycle(folder: Path, dice: Random) -> bytes:
    path = cycle_file.write(folder, CycleHeader.from_json(real.HEADER), iter(real.encoded(dice)))
    return path.read_bytes()


def _headed(cycle: bytes, dice: Random) -> bytes:
    """The cycle with a hostile header in a frame that is right."""
    start = len(cycle_file.MAGIC)
    begins = frames.unpack(cycle[start : start + frames.HEAD_BYTES])
    rest = cycle[start + frames.HEAD_BYTES + begins.payload_length :]
    said = {"is": "BEGIN", **real.HEADER}
    return cycle[:start] + grown.message(grown.document(said, dice)) + rest


def _received(raw: bytes) -> ReceivedFrame:
    header = frames.unpack(raw[: frames.HEAD_BYTES])
    return ReceivedFrame(header, raw[: frames.HEAD_BYTES], raw[frames.HEAD_BYTES :][: header.payload_length])


def _frame(raw: bytes) -> bool:
    try:
        received = _received(raw)
        for frame in packed_frame.decode(received.header, received.payload):
            assert frame.zero or len(frame.data) == frame.length
    except DatapathError:
        return False
    return True


def _begin(header: Any) -> bytes:
    return grown.message(json.dumps({"is": "BEGIN", "header": header}).encode())


def _message(raw: bytes) -> bool:
    try:
        message: Message = messages.decode(_received(raw))
    except DatapathError:
        return False
    json.dumps(message.fields, allow_nan=False).encode()
    header = message.fields.get("header")
    return _header(header) if isinstance(header, dict) else True


def _header(said: Any) -> bool:
    """What is taken can be written, read again, compared and kept."""
    try:
        header = CycleHeader.from_json(said)
    except DatapathError as refused:
        if len(refused.message) > LONGEST_SAID:
            raise AssertionError("a refusal as long as the input") from refused
        return False
    assert datetime.fromisoformat(header.taken_at).tzinfo is not None
    digest_of(header.to_json())
    again = CycleHeader.from_json(json.loads(json.dumps(header.to_json())))
    assert again == header, f"{again} is not {header}"
    return True


def _file(folder: Path, raw: bytes) -> bool:
    path = folder / "1-1.cycle"
    path.write_bytes(raw)
    try:
        cycle_file.verify(path)
    except DatapathError:
        return False
    return True


def _control(raw: bytes) -> bool:
    try:
        message = control.parse(raw)
    except ValidationError:
        return False
    message.model_dump_json().encode()
    return True
