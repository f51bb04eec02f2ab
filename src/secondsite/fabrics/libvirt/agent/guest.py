"""Commands that a guest's agent runs. What it says is the guest's own: its shape is checked, and its words
are cut."""

import base64
import json
import time
from typing import Any, TypeVar

import pydantic

from ....domain import errors
from ..host import connection

ASK_SECONDS = 5
POLL_SECONDS = 0.1
MOST_WORDS = 300

T = TypeVar("T")


class _Address(pydantic.BaseModel):
    family: str = pydantic.Field(alias="ip-address-type")
    address: str = pydantic.Field(alias="ip-address")
    prefix: int = pydantic.Field(0)


class Card(pydantic.BaseModel):
    """A network card as the guest has it."""

    name: str
    mac: str = pydantic.Field("", alias="hardware-address")
    found: tuple[_Address, ...] = pydantic.Field((), alias="ip-addresses")

    @property
    def addresses(self) -> list[str]:
        """The IPv4 ones, with their prefixes."""
        return [f"{each.address}/{each.prefix}" for each in self.found if each.family == "ipv4"]


class _StartAnswer(pydantic.BaseModel):
    pid: int


class CommandExit(pydantic.BaseModel):
    """A command that was started. `code` is None for one that a signal ended; what it wrote is base64."""

    exited: bool
    code: int | None = pydantic.Field(None, alias="exitcode")
    signal: int | None = None
    output: str = pydantic.Field("", alias="out-data")
    words: str = pydantic.Field("", alias="err-data")


def cards(domain: Any) -> list[Card]:
    """Raises FabricError, DeadlineExceeded."""
    return asked(domain, pydantic.TypeAdapter(list[Card]), "guest-network-get-interfaces")


def run(domain: Any, path: str, arguments: list[str], seconds: float, said: bytes = b"") -> bytes:
    """What it writes. Raises FabricError if it fails there, with its words, DeadlineExceeded if it does
    not end."""
    deadline, pid = time.monotonic() + seconds, start(domain, path, arguments, said)
    while not (ended := look(domain, pid)).exited:
        if time.monotonic() > deadline:
            raise errors.DeadlineExceeded(f"its guest did not do it within {seconds:.0f} s")
        time.sleep(POLL_SECONDS)
    if ended.code != 0:
        raise errors.FabricError(f"its guest could not do it: {_words(ended) or f'exit code {ended.code}'}")
    return written(ended)


def written(ended: CommandExit) -> bytes:
    """What it wrote, its complaints last; nothing if the agent says it in a way that nobody understands."""
    try:
        return base64.b64decode(ended.output) + base64.b64decode(ended.words)
    except ValueError:
        return b""


def start(domain: Any, path: str, arguments: list[str], said: bytes = b"") -> int:
    """A command begins in the guest, with `said` on its standard input; its number. Raises FabricError,
    DeadlineExceeded."""
    wanted = {"path": path, "arg": arguments, "capture-output": True}
    if said:
        wanted["input-data"] = base64.b64encode(said).decode()
    return asked(domain, pydantic.TypeAdapter(_StartAnswer), "guest-exec", wanted).pid


def look(domain: Any, pid: int) -> CommandExit:
    """What the agent says of it; once it has ended, only one time. Raises FabricError, DeadlineExceeded."""
    return asked(domain, pydantic.TypeAdapter(CommandExit), "guest-exec-status", {"pid": pid})


def asked(
    domain: Any, kind: pydantic.TypeAdapter[T], command: str, arguments: dict[str, Any] | None = None
) -> T:
    """One command of the agent. Raises FabricError, also for an answer of another shape, DeadlineExceeded."""
    line = json.dumps({"execute": command, **({"arguments": arguments} if arguments else {})})
    said = connection.agent_command(domain, line, ASK_SECONDS)
    try:
        return kind.validate_python(json.loads(said)["return"])
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise errors.FabricError(f"its guest agent said what nobody understands to {command}") from error


def _words(ended: CommandExit) -> str:
    try:
        text = base64.b64decode(ended.words).decode(errors="replace")
    except ValueError:
        return ""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())[:MOST_WORDS]
