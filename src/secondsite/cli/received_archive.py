"""An archive that the vault sends, into a file of this computer or to this program's output."""

import os
import sys
from collections.abc import Iterable
from pathlib import Path

from ..domain import errors
from ..ground import durable

STANDARD = "-"
"""Stands for this program's output."""


def require_new(output: str) -> None:
    """Raises AlreadyExists, InvalidArgument, before anything is asked for, if it cannot be written there."""
    path = Path(output)
    if output == STANDARD:
        if sys.stdout.isatty():
            raise errors.InvalidArgument(
                "An archive is nothing for a terminal.",
                do="Give a file, or a program that reads it: '--output - | tar -t'.",
            )
    elif os.path.lexists(path):
        raise errors.AlreadyExists(
            f"{path} is there already, and is not overwritten.", do="Give another name."
        )
    elif not path.parent.is_dir():
        raise errors.InvalidArgument(f"{path.parent} is no folder.", do="Make it, or give another name.")


def write(pieces: Iterable[bytes], output: str) -> int:
    """Write them there as they come; gives the number of bytes. A file has its name once all of it is there,
    and is not there before. Raises AlreadyExists, NotPossibleNow, and what the pieces raise."""
    if output == STANDARD:
        sys.stdout.flush()
        return _copied(pieces, sys.stdout.fileno())
    try:
        with durable.making(Path(output)) as file:
            return _copied(pieces, file.fileno())
    except FileExistsError:
        raise errors.AlreadyExists(
            f"{output} is there since, and is not overwritten.", do="Give another name."
        ) from None


def _copied(pieces: Iterable[bytes], file: int) -> int:
    total = 0
    for piece in pieces:
        view = memoryview(piece)
        total += len(view)
        while view:
            view = view[_written(view, file) :]
    return total


def _written(view: memoryview, file: int) -> int:
    try:
        return os.write(file, view)
    except BrokenPipeError as problem:
        raise errors.NotPossibleNow(
            "The program that takes the archive ended before it had all of it.",
            do="See what it says. Or give a file: '--output FILE'.",
        ) from problem
    except OSError as problem:
        raise errors.NotPossibleNow(
            f"The archive cannot be written: {problem.strerror}; it is not whole.",
            do="Make room, or give another file.",
        ) from problem
