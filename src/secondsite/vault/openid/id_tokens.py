"""Whether a provider signed this: by its public keys, with an algorithm that is named."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pydantic import JsonValue

from ...domain import errors
from ...domain.access.providers import Claims
from ...ground.units import KiB
from .discovery import Key, fits

if TYPE_CHECKING:
    from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

MOST_BYTES = 64 * KiB
PUBLIC = ("kty", "n", "e", "crv", "x", "y")
LEAST_RSA_BITS, MOST_RSA_BITS = 2048, 8192


def header(token: str) -> dict[str, JsonValue]:
    """What the token says of its own signature: nothing of it is believed yet. Raises Unauthenticated."""
    try:
        if len(token) > MOST_BYTES:
            raise _not_signed()
        first = token.encode("ascii").partition(b".")[0]
        found = json.loads(base64.urlsafe_b64decode(first + b"=" * (-len(first) % 4)))
    except (ValueError, binascii.Error, RecursionError) as problem:
        raise _not_signed() from problem
    if not isinstance(found, dict):
        raise _not_signed()
    return found


def verified(token: str, keys: Sequence[Key], algorithms: Sequence[str]) -> Claims:
    """The claims of the token, if one of these keys signed it by one of these algorithms. Raises
    Unauthenticated."""
    from joserfc import jwt
    from joserfc.errors import JoseError

    algorithm = header(token).get("alg")
    if not isinstance(algorithm, str) or algorithm not in algorithms:
        raise _not_signed()
    for each in keys:
        if fits(each, algorithm):
            try:
                return jwt.decode(token, _imported(each), algorithms=[algorithm]).claims
            except (JoseError, ValueError, TypeError, LookupError, RecursionError):
                continue
    raise _not_signed()


def _imported(key: Key) -> RSAKey | ECKey | OKPKey | OctKey:
    """Raises ValueError for a key that is too weak to be believed, or takes too long."""
    from joserfc import jwk

    if key.get("kty") == "RSA":
        modulus = str(key.get("n", "")).lstrip("A")  # zeros before it make it no stronger
        if not len(modulus) * 6 + 5 >= LEAST_RSA_BITS or len(modulus) * 6 > MOST_RSA_BITS + 6:
            raise ValueError("an RSA key of this length is not taken")
    public: dict[str, str | list[str]] = {name: str(key[name]) for name in PUBLIC if name in key}
    return jwk.import_key(public)


def _not_signed() -> errors.Unauthenticated:
    return errors.Unauthenticated(
        "What the provider says of you is not signed by a key of the provider.",
        do="Log in again; if it stays so, tell whoever manages access.",
    )
