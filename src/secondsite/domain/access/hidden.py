"""Removes secrets from requests before they are recorded, in the audit log or among the requests that wait
for approval."""

import json
import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from pydantic import JsonValue

SECRETS = frozenset(
    {"secret", "client_secret", "password", "former_password", "one_time_code", "otpauth", "typed"}
)
URL = "url"
"""The URL of a webhook: whoever knows all of it can often post there."""
HIDDEN = "(not shown)"
LOOKS_SECRET = re.compile(
    r"""ss[stlp]_[A-Za-z0-9_-]{20,}                                       # a token, session, link or poll
    |-----BEGIN\ [A-Z ]*PRIVATE\ KEY-----.*?(?:-----END\ [A-Z ]*KEY-----|\Z)
    |(?i:(?<=bearer\ )|(?<=basic\ ))[A-Za-z0-9+/=._-]{8,}               # of a header
    |(?<=://)[^\s/@:"]*:[^\s/@"]+(?=@)                                  # name and password in a URL
    |\b[0-9a-f]{4}(?:-[0-9a-f]{4}){9}\b                                # a registration key
    |\bAGE-SECRET-KEY-[A-Z0-9]+
    |\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*            # a token of a provider of log-ins
    |(?<=otpauth://)[^\s"]+                                             # a second factor, as in its picture
    |(?i:(?<=[?&]code=)|(?<=[?&]secret=)|(?<=client_secret=)|(?<=code_verifier=)|(?<=_token=)|(?<=password=)
        |(?<=session=))[^\s&;,"']+""",
    re.VERBOSE | re.DOTALL,
)
"""What no text should hold that is given away, by its form."""


def without_secrets(told: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    return {key: _hidden(key, each) for key, each in told.items()}


def text_without_secrets(body: str) -> str:
    """The JSON text of a request without its secrets; characters that are invisible or change the direction
    of the text are escaped."""
    try:
        kept = _within(json.loads(body))
    except (ValueError, RecursionError):
        return body
    return "".join(map(_seen, json.dumps(kept, ensure_ascii=False)))


def without_what_looks_secret(text: str) -> str:
    """A text of many sources, such as a log, without what has the form of a secret."""
    return LOOKS_SECRET.sub(HIDDEN, text)


def _seen(letter: str) -> str:
    return letter if letter == " " or letter.isprintable() else json.dumps(letter)[1:-1]


def _hidden(key: str, value: JsonValue) -> JsonValue:
    if isinstance(value, str) and key in SECRETS:
        return HIDDEN
    if isinstance(value, str) and key == URL:
        return _site_of(value)
    return _within(value)


def _within(value: JsonValue) -> JsonValue:
    if isinstance(value, dict):
        return without_secrets(value)
    return [_within(each) for each in value] if isinstance(value, list) else value


def _site_of(url: str) -> str:
    try:
        parts = urlsplit(url)
        return f"{parts.scheme}://{parts.hostname or ''}{f':{parts.port}' if parts.port else ''}/{HIDDEN}"
    except ValueError:
        return HIDDEN
