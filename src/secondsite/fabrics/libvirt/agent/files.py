"""Files of a guest, read by its agent: one that may not run commands may often read files."""

import base64
import contextlib
import time
from typing import Any, TypeVar

import pydantic

from ....domain import errors
from . import guest

MOST_SECONDS = 10.0
MOST_BYTES = 64 * 1024

T = TypeVar("T")


class _Read(pydantic.BaseModel):
    content: str = pydantic.Field("", alias="buf-b64")


class AskedGuest:
    """A guest's agent, with a limit: all questions together take MOST_SECONDS at most, plus the command in
    progress then. Its methods raise FabricError, DeadlineExceeded."""

    def __init__(self, domain: Any) -> None:
        self._domain = domain
        self._deadline = time.monotonic() + MOST_SECONDS

    def ask(self, kind: type[T], command: str, arguments: dict[str, Any] | None = None) -> T:
        """The answer to a command."""
        if time.monotonic() > self._deadline:
            raise errors.DeadlineExceeded(f"its guest did not tell within {MOST_SECONDS:.0f} s")
        return guest.asked(self._domain, pydantic.TypeAdapter(kind), command, arguments)

    def read(self, path: str) -> str:
        """The first MOST_BYTES of a file."""
        opened = self.ask(int, "guest-file-open", {"path": path, "mode": "r"})
        try:
            said = self.ask(_Read, "guest-file-read", {"handle": opened, "count": MOST_BYTES})
        finally:
            with contextlib.suppress(errors.FabricError, errors.DeadlineExceeded):
                self.ask(dict[str, object], "guest-file-close", {"handle": opened})
        try:
            return base64.b64decode(said.content).decode(errors="replace")
        except ValueError as error:
            raise errors.FabricError(f"its guest agent's answer about {path} is not understood") from error

    def read_if_there(self, path: str) -> str | None:
        """The same; None if the guest does not give it."""
        with contextlib.suppress(errors.FabricError):
            return self.read(path)
        return None
