"""Passwords, kept as what Argon2id makes of them: 19 MiB and 40 ms of a processor for each try.

One is tried at a time: many at once would take the memory and the processors of a vault with other work. The
library is loaded when the first password comes.
"""

import secrets
import threading
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, TypeVar

from ....domain import errors
from ....domain.access.passwords import prepared

if TYPE_CHECKING:
    from argon2 import PasswordHasher

T = TypeVar("T")
MEMORY_KIB, PASSES, LANES = 19 * 1024, 2, 1
WAIT_SECONDS = 10.0
_turn = threading.Lock()


def hashed(password: str) -> str:
    """What is kept of a password. Raises TooManyAttempts when too many are tried at once."""
    return _in_turn(lambda: _hasher().hash(prepared(password)))


def fits(kept: str | None, password: str) -> bool:
    """Whether it is the password of which this was kept; None: it fits none, and that takes as long. Raises
    TooManyAttempts when too many are tried at once."""
    return _in_turn(lambda: _verified(kept, prepared(password)))


def _verified(kept: str | None, password: str) -> bool:
    from argon2.exceptions import InvalidHashError, VerificationError

    try:
        return _hasher().verify(kept or _nobodys(), password) and kept is not None
    except (InvalidHashError, VerificationError):
        return False


def _in_turn(do: Callable[[], T]) -> T:
    if not _turn.acquire(timeout=WAIT_SECONDS):
        raise errors.TooManyAttempts("Too many people log in at once.", do="Try again in some seconds.")
    try:
        return do()
    finally:
        _turn.release()


@cache
def _hasher() -> "PasswordHasher":
    from argon2 import PasswordHasher

    return PasswordHasher(time_cost=PASSES, memory_cost=MEMORY_KIB, parallelism=LANES)


@cache
def _nobodys() -> str:
    """What is kept of nobody's password: an unknown name takes as long as a known one."""
    return _hasher().hash(secrets.token_urlsafe())
