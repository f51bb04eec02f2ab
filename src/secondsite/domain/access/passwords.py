"""Which passwords are taken: by their length, and no common ones. Pure."""

import re
import unicodedata

from .. import errors

SHORTEST, LONGEST = 12, 200
COMMON = (
    "administrator password passwort passw0rd welcome welkom letmein iloveyou trustno1 monkey dragon "
    "master football baseball superman batman sunshine princess shadow whatever computer internet secret "
    "changeme default login admin root test guest user master hello summer winter spring autumn january "
    "february march april june july august september october november december qwertyuiop qwerty qwertz "
    "azerty asdfghjkl asdfgh asdf zxcvbnm zxcv yxcvbnm 1q2w3e4r 1qaz2wsx q1w2e3r4 qazwsx abcdefghijkl "
    "abcdefgh abcdef abcd abc 01234567890 1234567890 123456789 12345678 1234567 123456 12345 1234 123 "
    "0987654321 987654321 654321 321 secondsite disaster recovery azure siterecovery "
).split()
_WORDS = re.compile("|".join(sorted(COMMON, key=len, reverse=True)))
LEFT = 5
"""A password needs so many characters beside common words, digits at its ends, and repeats."""


def prepared(password: str) -> str:
    """The password as it is compared: the same however a keyboard composed its letters."""
    return unicodedata.normalize("NFKC", password)


def require_good(password: str, name: str) -> None:
    """Raises InvalidArgument for a password that is too short, too long or common; `name` is its owner's."""
    text = prepared(password)
    if not SHORTEST <= len(text) <= LONGEST:
        raise errors.InvalidArgument(
            f"The password has {len(text)} characters.",
            do=f"Choose one of {SHORTEST} to {LONGEST}; several words are good, and need no digits or signs.",
        )
    if _is_common(text.casefold(), name.casefold()):
        raise errors.InvalidArgument(
            "The password is a common one, or your name: those are tried first.",
            do="Choose several words that do not belong together.",
        )


def _is_common(text: str, name: str) -> bool:
    left = text.replace(name, "") if len(name) > 2 else text
    left = _WORDS.sub("", left)
    left = _WORDS.sub("", left.translate(str.maketrans("013457@$!", "oleastasi"))).strip("0123456789._-!?+* ")
    return len(_without_repeats(left)) < LEFT


def _without_repeats(text: str) -> str:
    """The part that a repeated text repeats."""
    for length in range(1, len(text) // 2 + 1):
        if text == (text[:length] * len(text))[: len(text)]:
            return text[:length]
    return "".join(dict.fromkeys(text)) if len(set(text)) < LEFT else text
