"""What SQLite is asked, whoever asks it: SQLAlchemy does not see what goes to the driver itself."""

import itertools
import re

from sqlalchemy import event

VALUE = re.compile(r"'(?:[^']|'')*'|\b\d+(?:\.\d+)?\b|\bNULL\b")


def listen(engine, heard):
    """Each statement that runs from now on, with its values, on a connection that is taken from now on."""
    event.listen(engine, "checkout", lambda connection, *_: connection.set_trace_callback(heard))


def noted(engine):
    """A list to which each statement is added that runs from now on."""
    said: list[str] = []
    listen(engine, said.append)
    return said


def kinds(said):
    """Without values; the same one many times in a row is one."""
    return [each for each, _ in itertools.groupby(VALUE.sub("?", each) for each in said)]
