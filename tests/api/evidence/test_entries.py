"""Evidence through the vault's face: who sees it, page by page, and its pictures."""

import json
from datetime import timedelta

import pytest

from secondsite.domain.access import evidence
from secondsite.domain.access.chain import Entry, Outcome
from secondsite.vault.store import EvidenceRecord, PictureRecord
from tests.support.vault import NOW

pytestmark = pytest.mark.slow
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
OF_A = (("a", "b"), ("a", "b"))
MIXED = (("a", "b"), ("c", "d"))
GONE = (("a", "b"), ())


@pytest.fixture
def keep(vault, two_sites):
    def keep(number, sites):
        document: evidence.Document = {"job": {"id": f"j{number}"}, "machines": []}
        with vault.store.transaction() as tx:
            details = json.dumps({"sha256": evidence.digest_of(document)})
            entry = Entry(
                NOW,
                "secondsite",
                "",
                "",
                evidence.RECORDED,
                f"/evidence/j{number}-1",
                Outcome.DONE,
                details=details,
            )
            taken = tx.audit.append(entry)
            tx.evidence.add(
                EvidenceRecord(
                    f"j{number}-1", f"j{number}", "failover", "web01", "succeeded", "anna",
                    NOW + timedelta(seconds=number),
                    sites, evidence.digest_of(document), taken.number, evidence.text_of(document),
                )
            )  # fmt: skip
            tx.pictures.put(PictureRecord(f"j{number}", NOW, PNG))
            tx.evidence.keep_pictures(f"j{number}-1", {f"j{number}": "0" * 64, "none": "1" * 64})
        return f"j{number}-1"

    return keep


@pytest.fixture
def ids(ask):
    def ids(**how):
        return [each["id"] for each in ask("GET", "/evidence", **how)["items"]]

    return ids


def bearer(ask, name, site):
    made = ask("POST", "/tokens", 201, json={"name": name, "roles": ["reader"], "site": site})
    return {"Authorization": f"Bearer {made['token']}"}


def test_a_token_of_one_site_sees_evidence_only_of_what_it_sees_all_machines_of(vault, ask, keep, ids):
    vault.facade.sites.create("c")
    wanted, mixed, gone = keep(1, OF_A), keep(2, MIXED), keep(3, GONE)
    assert ids() == [gone, mixed, wanted]
    of_a, of_c = bearer(ask, "of-a", "a"), bearer(ask, "of-c", "c")
    assert ids(headers=of_a) == [wanted]
    assert ids(headers=of_c) == []
    assert ask("GET", f"/evidence/{wanted}", headers=of_a)["evidence"]["job"]["id"] == "j1"
    for hidden in (mixed, gone, "nosuch"):
        for path in (f"/evidence/{hidden}", f"/evidence/{hidden}/pictures/{'0' * 64}"):
            refused = ask("GET", path, 404, headers=of_a)["error"]["message"]
            assert refused == f"There is no evidence {hidden}."


def test_pages_have_each_once_also_where_most_of_it_is_hidden(ask, keep):
    wanted = [keep(number, OF_A if number % 3 == 0 else MIXED) for number in range(1, 241)][2::3]
    headers, found, cursor = bearer(ask, "of-a", "a"), [], None
    for _ in range(100):
        params = {"limit": 7, **({"cursor": cursor} if cursor else {})}
        told = ask("GET", "/evidence", headers=headers, params=params)
        found += [each["id"] for each in told["items"]]
        cursor = told["next"]
        if cursor is None:
            break
    assert found == wanted[::-1]


def test_its_pictures_stay_when_those_of_jobs_go(vault, ask, keep):
    kept = keep(1, OF_A)
    with vault.store.transaction() as tx:
        tx.pictures.forget(NOW + timedelta(days=365))
    answer = vault.rest.get(f"/api/evidence/{kept}/pictures/{'0' * 64}")
    assert (answer.status_code, answer.content) == (200, PNG)
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["x-content-type-options"] == "nosniff"
    refused = ask("GET", f"/evidence/{kept}/pictures/{'1' * 64}", 404)["error"]
    assert refused["message"] == f"Evidence {kept} has no picture {'1' * 64}."
