"""Codes of an app (TOTP), and codes for whoever lost it. The libraries are loaded when they are asked for."""

import base64
import io
import secrets
from collections.abc import Sequence
from datetime import datetime

STEP_SECONDS = 30
NEIGHBOURS = (0, -1, 1)
"""Steps whose code counts, beside the present one: clocks differ, and people are slow."""
RECOVERY_CODES, RECOVERY_BYTES = 10, 10


def new_secret() -> str:
    import pyotp

    return pyotp.random_base32()


def uri(secret: str, name: str, vault: str) -> str:
    """What an app reads from the picture."""
    import pyotp

    return pyotp.TOTP(secret).provisioning_uri(name=name, issuer_name=f"secondsite {vault}")


def picture(uri: str) -> str:
    """The QR code as SVG, without styles, for a page that allows none."""
    import segno

    drawn = io.BytesIO()
    segno.make(uri, error="m").save(drawn, kind="svg", scale=4, border=4, xmldecl=False, light="#fff")
    return drawn.getvalue().decode()


def step_of(secret: str, code: str, last_step: int | None, now: datetime) -> int | None:
    """The step whose code it is; None if it is none of now, or if a code of that step, or of a later one, was
    used already."""
    import pyotp

    present, totp = int(now.timestamp()) // STEP_SECONDS, pyotp.TOTP(secret)
    for step in (present + each for each in NEIGHBOURS):
        fresh = last_step is None or step > last_step
        if fresh and secrets.compare_digest(totp.generate_otp(step).encode(), code.encode()):
            return step
    return None


def recovery_codes() -> Sequence[str]:
    """New codes of 80 bits, in letters and digits that are not mistaken for each other."""
    made = [base64.b32encode(secrets.token_bytes(RECOVERY_BYTES)).decode() for _ in range(RECOVERY_CODES)]
    return ["-".join(each[start : start + 4] for start in range(0, 16, 4)).lower() for each in made]


def plain(code: str) -> str:
    """The code without what people put between its letters."""
    return "".join(code.split()).replace("-", "").lower()
