"""What is said to browsers of security keys, and whether what they answer is right. The library is loaded
when the first key is used."""

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from pydantic import JsonValue

from ....domain import errors
from ....domain.access.security_keys import SecurityKey, host_named
from ....ground import bounded_json

if TYPE_CHECKING:
    from fido2.server import Fido2Server
    from fido2.webauthn import AttestedCredentialData

T = TypeVar("T")
MOST_PARTS = 100
PRODUCT = "secondsite"


@dataclass(frozen=True, slots=True)
class Asked:
    """What a browser is asked, as JSON, and the challenge in it."""

    options: str
    challenge: bytes


@dataclass(frozen=True, slots=True)
class Answered:
    """What a key answered: `credential` is its id and public key, in base64; `uses` how often it says that it
    was used."""

    credential: str
    uses: int


@dataclass(frozen=True, slots=True)
class Answer:
    """What a browser says that a key answered, at the address `host`. Nothing of it is believed yet."""

    host: str
    content: Mapping[str, JsonValue]

    def challenge(self) -> bytes:
        """The challenge that it says it answers. Raises SecondFactorNeeded."""

        def read() -> bytes:
            from fido2.webauthn import CollectedClientData

            response = self.content["response"]
            assert isinstance(response, dict)
            return CollectedClientData(_decoded(str(response["clientDataJSON"]))).challenge

        return _read(read)


def answer(host: str, text: str) -> Answer:
    """Raises SecondFactorNeeded."""

    def read() -> Answer:
        content = bounded_json.parse(text.encode(), MOST_PARTS)
        assert isinstance(content, dict)
        return Answer(host, content)

    return _read(read)


def ask_for_new(host: str, name: str, person_id: str, there: Sequence[SecurityKey]) -> Asked:
    """What makes a new key of this person. Raises NotPossibleNow at an address without a name."""
    from fido2.webauthn import (
        PublicKeyCredentialUserEntity,
        ResidentKeyRequirement,
        UserVerificationRequirement,
    )

    user = PublicKeyCredentialUserEntity(id=bytes.fromhex(person_id), name=name, display_name=name)
    options, state = _server(host).register_begin(
        user,
        [_credential(each) for each in there],
        resident_key_requirement=ResidentKeyRequirement.DISCOURAGED,
        user_verification=UserVerificationRequirement.DISCOURAGED,
    )
    return _asked(dict(options), state)


def ask(host: str, there: Sequence[SecurityKey]) -> Asked:
    """What one of these keys answers. Raises NotPossibleNow at an address without a name."""
    from fido2.webauthn import UserVerificationRequirement

    options, state = _server(host).authenticate_begin(
        [_credential(each) for each in there], UserVerificationRequirement.DISCOURAGED
    )
    return _asked(dict(options), state)


def made(answer: Answer) -> Answered:
    """The new key of an answer whose challenge is the vault's own. Raises SecondFactorNeeded."""

    def read() -> Answered:
        found = _server(answer.host).register_complete(_state(answer), answer.content)
        assert found.credential_data is not None
        return Answered(base64.b64encode(bytes(found.credential_data)).decode(), found.counter)

    return _read(read)


def used(answer: Answer, there: Sequence[SecurityKey]) -> Answered:
    """Which of these keys answered. Raises SecondFactorNeeded."""

    def read() -> Answered:
        from fido2.webauthn import AuthenticationResponse

        known = [_credential(each) for each in there]
        found = _server(answer.host).authenticate_complete(_state(answer), known, answer.content)
        counter = AuthenticationResponse.from_dict(answer.content).response.authenticator_data.counter
        return Answered(base64.b64encode(bytes(found)).decode(), counter)

    return _read(read)


def _server(host: str) -> "Fido2Server":
    """For the name by which the browser reached the vault. An answer of a page from elsewhere names that
    page."""
    from fido2.server import Fido2Server
    from fido2.webauthn import PublicKeyCredentialRpEntity

    entity = PublicKeyCredentialRpEntity(id=host_named(host), name=PRODUCT)
    return Fido2Server(entity, verify_origin=lambda origin: origin == f"https://{host}")


def _asked(options: Mapping[str, object], state: Mapping[str, str]) -> Asked:
    return Asked(json.dumps(options), _decoded(state["challenge"]))


def _state(answer: Answer) -> Mapping[str, object]:
    challenge = base64.urlsafe_b64encode(answer.challenge()).rstrip(b"=").decode()
    return {"challenge": challenge, "user_verification": "discouraged"}


def _credential(key: SecurityKey) -> "AttestedCredentialData":
    from fido2.webauthn import AttestedCredentialData

    return AttestedCredentialData(base64.b64decode(key.credential))


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))


def _read(read: Callable[[], T]) -> T:
    """What is read of an answer. Whatever is odd in it is one error: it says that the key does not count."""
    try:
        return read()
    except errors.SecondsiteError:
        raise
    except Exception as problem:
        raise errors.SecondFactorNeeded("The security key's answer is not right.") from problem
