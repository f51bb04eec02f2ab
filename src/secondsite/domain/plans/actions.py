"""What is done before and after a group of a plan."""

from dataclasses import dataclass

from .. import errors
from .directions import Direction, FailoverKind

MOST_OF_A_NAME, MOST_OF_AN_INSTRUCTION = 80, 2000
MOST_ACTIONS = 20
"""Before a group, or after it."""


@dataclass(frozen=True, slots=True)
class Action:
    """A person is to do something, for these kinds of failover in these directions."""

    name: str
    instruction: str
    kinds: tuple[FailoverKind, ...] = tuple(FailoverKind)
    directions: tuple[Direction, ...] = tuple(Direction)

    def __post_init__(self) -> None:
        for what, text, most in (
            ("name", self.name, MOST_OF_A_NAME),
            ("instruction", self.instruction, MOST_OF_AN_INSTRUCTION),
        ):
            if not text.strip() or len(text) > most:
                raise errors.InvalidArgument(
                    f"An action needs {what}: text of at most {most} characters, not {len(text)}."
                )
        if not self.kinds or not self.directions:
            raise errors.InvalidArgument(
                f"Action '{self.name}' is for nothing.",
                do="Name a kind of failover and a direction, or leave both out.",
            )
