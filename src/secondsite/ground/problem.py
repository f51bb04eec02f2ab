"""The base of all errors that a person sees, and the few that the data path and the domain share.

The data path and the domain do not know each other, so the errors that both use are here. The others are in
`domain/errors` and `datapath/errors`; docs/reference/errors.md draws the tree.
"""

from __future__ import annotations

from collections.abc import Mapping


class SecondsiteError(Exception):
    """What happened: `code` for scripts, `message` for people, `do` the next thing to try."""

    code: str = "error"
    default_do: str = "Look at the job's tasks with 'secondsite job show JOB' and try again."

    def __init__(self, message: str, *, do: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.do = do or self.default_do

    def __str__(self) -> str:
        return f"{self.message} ({self.do})" if self.do else self.message


class Internal(SecondsiteError):
    """A defect; the message says where."""

    code = "internal"
    default_do = (
        "This is a defect. Retry the job; if it fails again, report it with the log of the process named."
    )


class DatapathError(SecondsiteError):
    """Something went wrong with data, in transit or in store."""

    code = "datapath"


class PeerUnreachable(DatapathError):
    """No connection to the other site's appliance, or it broke."""

    code = "peer-unreachable"
    default_do = "Check the data port and the network between the two sites' appliances."


class StoreFull(DatapathError):
    """No space for inbox or replica: a file system or a budget is used up."""

    code = "store-full"
    default_do = (
        "Free space in the appliance's store or shorten the policy's retention; replication goes on by "
        "itself."
    )


class SeedRefused(DatapathError):
    """A disk copy that was named as a seed may not or cannot be read."""

    code = "seed-refused"
    default_do = (
        "Name a readable copy of this very disk, in a folder from which the target's appliance reads seeds."
    )


class OldDiskAway(DatapathError):
    """A disk that a replica stands on is not attached, its path leads to another one, or it answers nothing.
    This says nothing about its content."""

    code = "old-disk-away"
    default_do = (
        "Attach the disk again at its path, at that site: all goes on by itself then, and nothing is lost "
        "meanwhile. If it is gone for good, disable the machine's protection, and protect it anew."
    )


class KeyMissing(DatapathError):
    """Something is encrypted, and the key is missing or its file cannot be used."""

    code = "encryption-key-missing"
    default_do = "Give the appliance its key file and restart it; nothing is lost meanwhile."


class KeyWrong(DatapathError):
    """Something is encrypted with a different key from the one at hand."""

    code = "encryption-key-wrong"
    default_do = (
        "Put back the key file that was used before and restart the appliance; nothing is lost meanwhile."
    )


def ours(error: BaseException) -> SecondsiteError:
    """The error itself; for one that is not ours, an Internal with its type and text."""
    if isinstance(error, SecondsiteError):
        return error
    return Internal(f"{type(error).__name__}: {error}")


def by_code(names: Mapping[str, object]) -> dict[str, type[SecondsiteError]]:
    """The errors among a module's names by their code, without those that only inherit their code."""
    found = (value for value in names.values() if isinstance(value, type))
    return {kind.code: kind for kind in found if issubclass(kind, SecondsiteError) and "code" in vars(kind)}
