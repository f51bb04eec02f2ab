"""Numbers, texts and lists that another process says: bounded, so that every database, file and sum can hold them."""

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, GetCoreSchemaHandler

LONGEST_TEXT = 4000
LONGEST_NAME = 255

Number = Annotated[int, Field(ge=0, lt=2**31)]
"""An epoch, the number of a cycle, a count."""
Bytes = Annotated[int, Field(ge=0, lt=2**63)]
"""A size."""


def _cut(value: object) -> object:
    return value[:LONGEST_TEXT] if isinstance(value, str) else value


Text = Annotated[str, BeforeValidator(_cut)]
"""A sentence for people; what is longer is cut off."""
Name = Annotated[str, Field(max_length=LONGEST_NAME)]
"""What something is called by."""


@dataclass(frozen=True, slots=True)
class AtMost:
    """A tuple of so many. It is left at the first of them that is wrong: a message of 1 MiB that held nothing but wrong ones took the vault
    half a gigabyte, to say of each what is wrong with it."""

    most: int

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> Any:
        return {**handler(source), "fail_fast": True, "max_length": self.most}
