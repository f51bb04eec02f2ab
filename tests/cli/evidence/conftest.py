"""A file of evidence, made by hand: a run of a plan of three machines, one of which was not proven to be
usable."""

import base64
import hashlib
import json
import struct
import zlib
from datetime import UTC, datetime, timedelta

import pytest

from secondsite.domain.access import chain, evidence
from secondsite.domain.access.chain import Entry, Outcome
from secondsite.wire import rest
from secondsite.wire.rest.access.evidence import EvidenceFile

AT = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


def png(grey, width=320, height=200):
    def chunk(kind, data):
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    rows = b"".join(
        b"\0" + bytes((grey + x // 8 + y // 4) % 256 for x in range(width)) for y in range(height)
    )
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


PICTURES = (png(20), png(90), png(150))


def at(seconds):
    return (AT + timedelta(seconds=seconds)).isoformat()


def step(name, begin, end, **more):
    told = {"name": name, "kind": "step", "attempt": 1, "state": "succeeded", "said": f"{name} was done", "partial": False,  # noqa: E501
            "started_at": at(begin), "ended_at": at(end), "problem": None, "asks": None, "answer": None,
            "script": None}  # fmt: skip
    return {**told, **more}


def job(job_id, subject, end, **more):
    told = {"id": job_id, "verb": "test_failover", "subject": subject, "attempt": 1, "state": "succeeded", "asked_by": "anna",  # noqa: E501
            "asked_at": at(0), "ended_at": at(end), "asked": {}, "result": None, "problem": None}  # fmt: skip
    return {**told, **more}


def machine(name, begin, picture, proven=True):
    said = "status 200" if proven else "status 503, not 200: upstream did not answer"
    checks = [
        {"name": "page", "passed": proven, "said": said, "seconds": 4.2},
        {"name": "ssh", "passed": True, "said": "port 22 accepts", "seconds": 2.0},
    ]
    return {
        "id": f"m-{name}", "name": name, "sites": ["hamburg", "bremen"],
        "job": job(f"j-{name}", name, begin + 60),
        "steps": [step("Choose the recovery point", begin, begin + 1), step("Start", begin + 1, begin + 9),
        step("Proof", begin + 9, begin + 22)],
        "point_id": "4f1c0e6a2b7d4c0f9e8d7c6b5a493827", "point_digest": None, "taken_at": at(-240),
        "rpo_seconds": 240.4,
        "rpo_goal_seconds": 900, "within_goal": True, "rto_started_seconds": begin + 9.0,
        "rto_goal_seconds": 120,
        "rto_proven_seconds": begin + 22.0 if proven else None,
        "picture": {"sha256": hashlib.sha256(picture).hexdigest()},
        "proof": {"proven": proven, "power": "running", "agent": "answered", "agent_seconds": 3.1,
                  "console": "[    0.00] Linux version 6.1.0\n" + "boot: all is well\n" * 12,
                  "picture": "kept", "seconds": 12.9, "checks": checks, "addresses": []},
    }  # fmt: skip


@pytest.fixture
def document():
    asks = {
        "asks": "Move the traffic to Bremen",
        "answer": {"by": "bob", "at": at(70), "verdict": "done", "note": "moved; the shop answers"},
    }
    return {
        "format": evidence.FORMAT, "version": evidence.VERSION, "vault": "north",
        "job": job("0d6c2a9f", "plan shop", 140, asked={"notes": "The yearly drill."}),
        "requests": [
            {"number": 811, "at": at(0), "who": "anna", "verb": "test_failover", "outcome": "done",
            "approval": {"number": 7, "asked_by": "anna"}},
            {"number": 814, "at": at(70), "who": "bob", "verb": "answer", "outcome": "done",
            "approval": None},
        ],
        "steps": [step("Prerequisites check", 0, 2), step("Group 1: db", 2, 30),
        step("Traffic", 30, 70, **asks), step("Group 2: web", 70, 139)],
        "machines": [machine("db01", 5, png(20)), machine("app01", 40, png(90)),
        machine("web01", 75, png(150), proven=False)],
    }  # fmt: skip


@pytest.fixture
def file_of():
    """The file of a document, with its entry in the audit log, and the log."""

    def made(document, pictures=PICTURES):
        details = json.dumps({"sha256": evidence.digest_of(document)})
        entry = Entry(
            AT, "secondsite", "", "", evidence.RECORDED, "/evidence/j-1", Outcome.DONE, details=details
        )
        linked = chain.linked(entry, chain.BEGINNING)
        found = {hashlib.sha256(each).hexdigest(): base64.b64encode(each).decode() for each in pictures}
        return EvidenceFile(
            evidence=document,
            entry=rest.AuditEntry.model_validate(linked, from_attributes=True),
            pictures=found,
        )

    return made
