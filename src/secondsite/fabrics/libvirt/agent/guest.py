"""Commands of a guest's agent. Its answers come from the guest, so they are not trusted: their shape is
checked, and texts are shortened."""

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
    def ipv6_addresses(self) -> list[str]:
        """The card's IPv6 addresses, with their prefixes."""
        return [f"{each.address}/{each.prefix}" for each in self.found if each.family == "ipv6"]

    @property
    def addresses(self) -> list[str]:
        """The card's IPv4 addresses, with their prefixes."""
        return [f"{each.address}/{each.prefix}" for each in self.found if each.family == "ipv4"]


class _StartAnswer(pydantic.BaseModel):
    pid: int


class CommandExit(pydantic.BaseModel):
    """A command that was started. `code` is its exit status, None if a signal ended it; its output is
    base64."""

    exited: bool
    code: int | None = pydantic.Field(None, alias="exitcode")
    signal: int | None = None
    output: str = pydantic.Field("", alias="out-data")
    words: str = pydantic.Field("", alias="err-data")


def cards(domain: Any) -> list[Card]:
    """The guest's network cards. Raises FabricError, DeadlineExceeded."""
    return asked(domain, pydantic.TypeAdapter(list[Card]), "guest-network-get-interfaces")


def run(domain: Any, path: str, arguments: list[str], seconds: float, said: bytes = b"") -> bytes:
    """Run a command in the guest; returns its output. Raises FabricError with that output if it fails,
    DeadlineExceeded if it does not end."""
    deadline, pid = time.monotonic() + seconds, start(domain, path, arguments, said)
    while not (ended := look(domain, pid)).exited:
        if time.monotonic() > deadline:
            raise errors.DeadlineExceeded(f"its guest did not do it within {seconds:.0f} s")
        time.sleep(POLL_SECONDS)
    if ended.code != 0:
        raise errors.FabricError(f"its guest could not do it: {_words(ended) or f'exit code {ended.code}'}")
    return written(ended)


def written(ended: CommandExit) -> bytes:
    """What a command wrote, standard error last; empty if the agent's answer is not understood."""
    try:
        return base64.b64decode(ended.output) + base64.b64decode(ended.words)
    except ValueError:
        return b""


def start(domain: Any, path: str, arguments: list[str], said: bytes = b"") -> int:
    """Start a command in the guest, with `said` on its standard input; returns its process id. Raises
    FabricError, DeadlineExceeded."""
    wanted = {"path": path, "arg": arguments, "capture-output": True}
    if said:
        wanted["input-data"] = base64.b64encode(said).decode()
    return asked(domain, pydantic.TypeAdapter(_StartAnswer), "guest-exec", wanted).pid


def look(domain: Any, pid: int) -> CommandExit:
    """The state of a command. Once it has ended, the agent tells that only one time. Raises FabricError,
    DeadlineExceeded."""
    return asked(domain, pydantic.TypeAdapter(CommandExit), "guest-exec-status", {"pid": pid})


def asked(
    domain: Any, kind: pydantic.TypeAdapter[T], command: str, arguments: dict[str, Any] | None = None
) -> T:
    """The answer to one command of the agent. Raises FabricError, also for an answer of another shape,
    DeadlineExceeded."""
    line = json.dumps({"execute": command, **({"arguments": arguments} if arguments else {})})
    said = connection.agent_command(domain, line, ASK_SECONDS)
    try:
        return kind.validate_python(json.loads(said)["return"])
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise errors.FabricError(f"its guest agent's answer to {command} is not understood") from error


def _words(ended: CommandExit) -> str:
    try:
        text = base64.b64decode(ended.words).decode(errors="replace")
    except ValueError:
        return ""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())[:MOST_WORDS]
