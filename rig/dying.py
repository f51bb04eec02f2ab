"""Death at a seam, within this process: an exception that no code of ours catches, so that nothing cleans
up after it."""

from collections.abc import Callable


class Killed(BaseException):
    """The process died here."""


def at(seam: str, count: int = 1) -> Callable[[str], None]:
    """A callback for the seams: dies when this one is reached for the count-th time."""
    left = [count]

    def callback(name: str) -> None:
        if name == seam:
            left[0] -= 1
            if left[0] == 0:
                raise Killed(name)

    return callback


class Fuse:
    """A callback for the seams: dies at the n-th that is reached; `at` is its name, None while it was not
    reached."""

    def __init__(self, nth: int) -> None:
        self.left = nth
        self.at: str | None = None

    def __call__(self, name: str) -> None:
        self.left -= 1
        if self.left == 0:
            self.at = name
            raise Killed(name)
