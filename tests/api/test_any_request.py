"""Whatever is asked, the REST face answers as its description says, in its own words, and never with a
defect. Of all pairs of a call and a role each run takes a third, the next ones with the next commit that has
this module: whole, it took five minutes of a core."""

import itertools
import json
import os
import warnings
from collections import Counter
from typing import Any, cast

import hypothesis
import pytest

from secondsite.domain.access.roles import Role
from tests.support.vault import VaultInProcess, machine

pytestmark = pytest.mark.slow

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from schemathesis import openapi
    from schemathesis.specs.openapi import checks as conformance

EXAMPLES = int(os.environ.get("EXAMPLES_OF_ANY_REQUEST", "2"))
"""For each call and each role; 25 make 10,000 requests and more."""
GRANTS: dict[str, dict[str, Any]] = {
    "all": {"roles": ["contributor", "access_administrator"]},
    **{role.value: {"roles": [role.value]} for role in Role},
    "contributor of a": {"roles": ["contributor"], "site": "a"},
    "operator of c": {"roles": ["operator"], "site": "c"},
}
PARTS = 3
UNAVAILABLE = (503, 504)
DESCRIBED = [
    conformance.status_code_conformance,
    conformance.content_type_conformance,
    conformance.response_headers_conformance,
    conformance.response_schema_conformance,
]


@pytest.fixture
def vault(tmp_path, postgres_url):
    """On PostgreSQL, which is stricter about what it stores."""
    vault = VaultInProcess(tmp_path / "vault", postgres_url)
    yield vault
    vault.close()


def operations(vault):
    found = openapi.from_asgi("/api/openapi.json", vault.app).get_all_operations()
    listed = [cast(Any, each).ok() for each in found]
    # the streams of what goes on have no end
    return [each for each in listed if not each.path.endswith(("/events", "/live"))]


@pytest.fixture
def tokens(vault):
    """One of each role."""
    source, target = vault.enroll("a"), vault.enroll("b")
    vault.facade.sites.create("c")
    with vault.store.transaction() as tx:
        tx.machines.add(machine(source_appliance_id=source.id, target_appliance_id=target.id))
    found = {}
    for name, grant in GRANTS.items():
        found[name] = vault.rest.post("/api/tokens", json={"name": name, **grant}).json()["token"]
    return {**found, "none": "sst_" + "x" * 43}


@pytest.mark.timeout(1800)
@pytest.mark.filterwarnings("ignore")
def test_whoever_asks_every_answer_is_described_none_is_a_defect_and_every_refusal_says_what_to_do(
    vault, tokens, record_property, sliced
):
    asked: Counter[tuple[str, int]] = Counter()

    def checked(name, token):
        return lambda case: check(case, name, token)

    def check(case, name, token):
        answer = case.call(headers={"Authorization": f"Bearer {token}"})
        asked[name, answer.status_code] += 1
        case.validate_response(answer, checks=DESCRIBED)
        if answer.status_code >= 400:
            assert answer.status_code < 500 or answer.status_code in UNAVAILABLE, (case.path, answer.text)
            assert answer.json()["error"]["do"]

    first, step = sliced.steps(PARTS, whole=PARTS)
    pairs = itertools.product(operations(vault), tokens.items())
    for operation, (name, token) in itertools.islice(pairs, first - 1, None, step):
        test = hypothesis.given(case=operation.as_strategy())(checked(name, token))
        checks = list(hypothesis.HealthCheck)
        hypothesis.settings(
            max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=checks
        )(test)()
    for name in tokens:
        told = {str(int(code)): times for (who, code), times in sorted(asked.items()) if who == name}
        record_property(f"answers to {name}", json.dumps(told))
    assert asked.total() > 60 * EXAMPLES * len(tokens) / PARTS
    assert vault.rest.get("/api/machines/%00").status_code == 422
    assert vault.rest.get("/api/audit/verify").json()["intact"]
