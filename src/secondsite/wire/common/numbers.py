"""Numbers and texts that another process says: bounded, so that every database, file and sum can hold them."""

from typing import Annotated

from pydantic import BeforeValidator, Field

LONGEST_TEXT = 4000

Number = Annotated[int, Field(ge=0, lt=2**31)]
"""An epoch, the number of a cycle, a count."""
Bytes = Annotated[int, Field(ge=0, lt=2**63)]
"""A size."""


def _cut(value: object) -> object:
    return value[:LONGEST_TEXT] if isinstance(value, str) else value


Text = Annotated[str, BeforeValidator(_cut)]
"""A sentence for people; what is longer is cut off."""
