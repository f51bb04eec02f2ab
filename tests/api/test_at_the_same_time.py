"""Requests that come at the same time, on PostgreSQL, where writers are not alone as on SQLite."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.postgres import postgres, postgres_url
from tests.support.vault import VaultInProcess

__all__ = ["postgres", "postgres_url"]
MANY = 8

pytestmark = pytest.mark.postgresql


@pytest.fixture
def vault(tmp_path, postgres_url):
    vault = VaultInProcess(tmp_path / "vault", postgres_url)
    yield vault
    vault.close()


def at_once(request):
    with ThreadPoolExecutor(MANY) as pool:
        return list(pool.map(request, range(MANY)))


def test_one_idempotency_key_makes_one_thing_and_all_get_its_answer(vault):
    for number in range(3):
        headers = {"Idempotency-Key": f"key-{number}"}
        body = {"name": f"s{number}"}
        answers = at_once(
            lambda _, headers=headers, body=body: vault.rest.post("/api/sites", json=body, headers=headers)
        )
        assert [answer.status_code for answer in answers] == [201] * MANY
        assert len({answer.text for answer in answers}) == 1


def test_of_many_changes_of_one_edition_one_is_made(vault):
    vault.rest.post("/api/policies", json={"name": "p"})
    for round_number in range(3):
        seen = vault.rest.get("/api/policies/p")
        headers = {"If-Match": seen.headers["etag"]}

        def change(number, seen=seen, headers=headers, first=10_000 + 600 * round_number):
            body = {**seen.json(), "retention_seconds": first + 60 * number}
            return vault.rest.put("/api/policies/p", json=body, headers=headers).status_code

        assert sorted(at_once(change)) == [200] + [412] * (MANY - 1)


def test_the_last_token_stays(vault):
    in_charge = {"roles": ["access_administrator"], "valid_seconds": None}
    made = [
        vault.rest.post("/api/tokens", json={"name": f"t{number}", **in_charge}).json()
        for number in range(MANY)
    ]
    for token in vault.rest.get("/api/tokens").json():
        if token["name"] not in {each["name"] for each in made[:2]}:
            vault.rest.headers["Authorization"] = f"Bearer {made[0]['token']}"
            vault.rest.delete(f"/api/tokens/{token['name']}")
    answers = at_once(lambda number: vault.rest.delete(f"/api/tokens/t{number % 2}").status_code)
    assert answers.count(204) == 1
