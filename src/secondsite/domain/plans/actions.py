"""What is done before and after a group of a plan: by a person, or by a script."""

import re
from dataclasses import dataclass

from .. import errors
from .directions import Direction, FailoverKind

MOST_OF_A_NAME, MOST_OF_AN_INSTRUCTION = 80, 2000
MOST_ACTIONS = 20
"""The most actions before a group, and the most after it."""
SCRIPT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
"""The name of a script's file, without a path."""
USUAL_SECONDS, MOST_SECONDS = 600.0, 6 * 3600.0
"""How long a script may run, in seconds: the default, and the most."""


def require_readable(name: str) -> None:
    """For the name of a new action; plans of earlier releases may hold other names. Raises
    InvalidArgument."""
    if not name.isprintable():
        raise errors.InvalidArgument(
            f"The name of an action is one line that can be read, and {name!r} has characters that steer a "
            "terminal."
        )


@dataclass(frozen=True, slots=True)
class Action:
    """An action of a person, or of a script that the target's appliance runs, for these kinds of failover and
    in these directions. `guest`: the id of the machine inside which the script runs."""

    name: str
    instruction: str = ""
    kinds: tuple[FailoverKind, ...] = tuple(FailoverKind)
    directions: tuple[Direction, ...] = tuple(Direction)
    script: str | None = None
    timeout_seconds: float = USUAL_SECONDS
    guest: str | None = None

    def __post_init__(self) -> None:
        for what, text, most in (
            ("name", self.name, MOST_OF_A_NAME),
            ("instruction", self.instruction, MOST_OF_AN_INSTRUCTION),
        ):
            needed = what == "name" or self.script is None
            if (needed and not text.strip()) or len(text) > most:
                raise errors.InvalidArgument(
                    f"An action needs {what}: text of at most {most} characters, not {len(text)}."
                )
        if not self.kinds or not self.directions:
            raise errors.InvalidArgument(
                f"Action '{self.name}' is for nothing.",
                do="Name a kind of failover and a direction, or leave both out.",
            )
        if self.script is not None:
            self._check_script(self.script)
        elif self.guest is not None:
            raise errors.InvalidArgument(
                f"Action '{self.name}' names a guest, and no script that is to be run in it.",
                do="Name a script, or leave the guest out.",
            )

    def _check_script(self, script: str) -> None:
        if not SCRIPT.fullmatch(script):
            raise errors.InvalidArgument(
                f"Action '{self.name}' cannot run '{script}'.",
                do=(
                    "Give the name of a file in the script folder of the target's appliance, without a path: "
                    "letters, digits, '.', '_' and '-'."
                ),
            )
        if not 0 < self.timeout_seconds <= MOST_SECONDS:
            raise errors.InvalidArgument(
                f"The script of action '{self.name}' cannot have {self.timeout_seconds:g} s.",
                do=f"Give it more than 0 and at most {MOST_SECONDS:g} s.",
            )
