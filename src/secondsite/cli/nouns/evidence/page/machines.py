"""What the page says of each machine."""

import base64
import binascii
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from . import durations, text
from .durations import Span, Step
from .text import Told

MOST_OF_A_CONSOLE = 6000
PNG = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True, slots=True)
class Machine:
    """One machine on the page. `own` are its steps, if they are not those of the whole job. `picture` is a
    PNG as base64, `no_picture` says why there is none."""

    told: Told
    name: str
    sites: str
    state: str
    problem: str
    notes: str
    rpo: str
    rto: str
    started: bool
    proof: Told
    proven: str
    checks: list[Told]
    addresses: list[Told]
    console: str
    picture: str | None
    no_picture: str
    own: list[Step]


def machines(document: Told, pictures: Mapping[str, str], over: Span) -> list[Machine]:
    root = text.table(document.get("job"))
    return [_machine(each, root, pictures, over) for each in text.tables(document.get("machines"))]


def _machine(told: Told, root: Told, pictures: Mapping[str, str], over: Span) -> Machine:
    job, proof = text.table(told.get("job")), text.table(told.get("proof"))
    png, why = picture(told, pictures)
    is_root = job.get("id") == root.get("id")
    sites = told.get("sites")
    return Machine(
        told=told,
        name=text.text(told.get("name")),
        sites=" \N{RIGHTWARDS ARROW} ".join(map(str, sites)) if isinstance(sites, list) else "",
        state=text.text(job.get("state")).replace("_", " "),
        problem=text.text(text.table(job.get("problem")).get("message")),
        notes=text.text(text.table(job.get("asked")).get("notes")),
        rpo=text.against(told.get("rpo_seconds"), told.get("rpo_goal_seconds")),
        rto=_against_rto(told, proof),
        started=text.number(told.get("rto_started_seconds")) is not None,
        proof=proof,
        proven="not looked at" if not proof else "proven" if proof.get("proven") is True else "not proven",
        checks=text.tables(proof.get("checks")),
        addresses=text.tables(proof.get("addresses")),
        console=text.end_of(text.text(proof.get("console")), MOST_OF_A_CONSOLE),
        picture=png,
        no_picture=why,
        own=[] if is_root else durations.steps(told.get("steps"), over),
    )  # fmt: skip


def _against_rto(told: Told, proof: Told) -> str:
    """Whether the RTO was met. A machine that was looked at and not proven to be usable counts as not
    recovered."""
    verdict = text.against(recovered(told), told.get("rto_goal_seconds"))
    return "not proven" if verdict == "met" and proof and proof.get("proven") is not True else verdict


def picture(told: Told, pictures: Mapping[str, str]) -> tuple[str | None, str]:
    """The picture as base64, if it is the one that the evidence names; else why none is shown."""
    named = text.text(text.table(told.get("picture")).get("sha256"))
    if not named:
        return None, ""
    try:
        png = base64.b64decode(pictures.get(named, ""), validate=True)
    except (binascii.Error, ValueError):
        png = b""
    if not png:
        return None, "The evidence names a picture of its screen, which is missing."
    if hashlib.sha256(png).hexdigest() != named or not png.startswith(PNG):
        return None, "The picture of its screen is not the one that the evidence names, and is not shown."
    return base64.b64encode(png).decode(), ""


def recovered(told: Told) -> float | None:
    """Seconds until it was proven that the machine can be used; if that was not looked at, or not proven,
    until it was started."""
    proven = text.number(told.get("rto_proven_seconds"))
    return text.number(told.get("rto_started_seconds")) if proven is None else proven
