"""The lines of JSON that agents say, bounded before they are read; and those that they are told."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from ....ground import bounded_json
from .errors import Refused

MOST_FIRST_LINE: Final = 16 * 1024
MOST_LINE: Final = 1024 * 1024
Text = Annotated[str, Field(max_length=256)]
Name = Annotated[str, Field(min_length=1, max_length=253, pattern=r"^[A-Za-z0-9._:-]+$")]


class _Line(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="ignore")


FENCED: Final = "fenced"
"""What a machine says in its greeting whose fence keeps it from working."""
RESCUE: Final = "rescue"
"""What a rescue system says in its greeting."""
STOPPED: Final = "stopped"
"""What a machine says in its greeting that stands still after its last view."""


class Hello(_Line):
    """What an agent tells of its machine when it comes; more than this is kept as it came."""

    model_config = ConfigDict(frozen=True, strict=True, extra="allow")

    host_name: Name
    boot_id: Text
    product_uuid: Text = ""
    machine_id: Text = ""
    version: Annotated[str, Field(max_length=64, pattern=r"^[A-Za-z0-9.+~-]*$")] = ""
    uptime_seconds: Annotated[float, Field(ge=0, le=1e10)]

    @property
    def is_fenced(self) -> bool:
        """Whether its fence keeps it from working."""
        return (self.model_extra or {}).get(FENCED) is True

    @property
    def is_stopped(self) -> bool:
        """Whether it stands still after its last view. An agent of an older release does not tell."""
        return (self.model_extra or {}).get(STOPPED) is True

    @property
    def is_rescue(self) -> bool:
        """Whether it is a rescue system's."""
        return (self.model_extra or {}).get(RESCUE) is True


class Enroll(_Line):
    role: Literal["enroll"]
    key: Annotated[str, Field(max_length=64)]
    request: Annotated[str, Field(max_length=8192)]
    name: Name
    rescue: Literal["", "yes"] = ""
    """Whether it is a rescue system."""
    known: Text = ""
    """The id that the machine has already, if it is not to be enrolled anew."""


class Control(_Line):
    role: Literal["control"]
    hello: Hello


class Reader(_Line):
    role: Literal["reader"]
    token: Annotated[str, Field(max_length=64)]


class Fence(_Line):
    """Whether the machine may work on that hardware, asked at its boot."""

    role: Literal["fence"]
    hello: Hello


class Answer(_Line):
    """The answer to what was asked by that number."""

    number: Annotated[int, Field(ge=0, lt=2**53)]
    ok: bool = False
    told: Any = None
    error: Annotated[str, Field(max_length=8192)] = ""
    code: Annotated[str, Field(max_length=64, pattern=r"^[a-z0-9-]*$")] = ""


First = Enroll | Control | Reader | Fence
FirstLine = Annotated[First, Field(discriminator="role")]
FIRST: Final[TypeAdapter[First]] = TypeAdapter(FirstLine)
ANSWER: Final = TypeAdapter(Answer)
Shape = TypeVar("Shape")


def read(shape: TypeAdapter[Shape], line: bytes) -> Shape:
    """Raises Refused for anything else than that shape."""
    try:
        return shape.validate_python(bounded_json.parse(line))
    except ValidationError as problem:
        first = problem.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(map(str, first["loc"]))[:80]
        raise Refused("no-line", f"That line is not understood: {where}: {first['msg'][:120]}.") from None
    except ValueError as problem:
        raise Refused("no-line", f"That line is not understood: {str(problem)[:200]}.") from None


def line(**words: Any) -> bytes:
    """As one line of JSON."""
    return json.dumps(words, separators=(",", ":")).encode() + b"\n"


def refusal(why: Refused) -> bytes:
    return line(ok=False, code=why.code, error=why.words)


def told(words: Mapping[str, Any]) -> bytes:
    return line(ok=True, told=words)
