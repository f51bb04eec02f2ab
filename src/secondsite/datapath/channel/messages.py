"""Control messages: JSON objects in frames, on the wire and in cycle files."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from ...ground import bounded_json
from ..errors import PeerRefused, ProtocolViolated
from ..frames import EncodedFrame, Header, Kind, codec

_SAME_RELEASE = "run the same release at both ends"
_LONGEST_NAME = 40
_LONGEST_SHOWN = 200
_LONGEST_REFUSAL = 2000
"""The longest text of a refusal, in characters: it is shown to people, and logged."""


class Message(NamedTuple):
    """A control message: its name (BEGIN, ACCEPT, ...) and its fields."""

    name: str
    fields: dict[str, Any]


class ReceivedFrame(NamedTuple):
    """A frame as it arrived; a cycle file keeps `head` and `payload`. A connection reuses the payload's
    buffer for the next frame."""

    header: Header
    head: bytes
    payload: bytes | bytearray | memoryview


def encode(name: str, fields: dict[str, Any]) -> EncodedFrame:
    """The frame of a message."""
    body = json.dumps({"is": name, **fields}, separators=(",", ":")).encode()
    return codec.encode_plain(Kind.MESSAGE, body)


def decode(received: ReceivedFrame) -> Message:
    """The message in a frame; raises ProtocolViolated if it holds none, FrameDamaged if it is damaged."""
    if received.header.kind is not Kind.MESSAGE:
        raise ProtocolViolated(f"{received.header.kind.name} came in place of a message", do=_SAME_RELEASE)
    codec.decode(received.header, received.payload)
    try:
        fields = bounded_json.parse(bytes(received.payload))
        return Message(_name(fields.pop("is")), fields)
    except (ValueError, KeyError, AttributeError, TypeError) as problem:
        raise ProtocolViolated(
            f"a message is not a JSON object with a name: {repr(problem)[:_LONGEST_SHOWN]}", do=_SAME_RELEASE
        ) from None


def _name(value: object) -> str:
    if not isinstance(value, str) or len(value) > _LONGEST_NAME:
        raise ValueError("its name is not a word")
    return value


def expect(received: ReceivedFrame, *expected: str) -> Message:
    """The message if its name is one of `expected`; raises PeerRefused if it is a refusal."""
    message = decode(received)
    if message.name == "REFUSE":
        text = {key: str(message.fields.get(key, ""))[:_LONGEST_REFUSAL] for key in ("message", "do", "code")}
        raise PeerRefused(text["message"], do=text["do"], code=text["code"] or PeerRefused.code)
    if message.name not in expected:
        raise ProtocolViolated(f"{message.name} came in place of {' or '.join(expected)}", do=_SAME_RELEASE)
    return message
