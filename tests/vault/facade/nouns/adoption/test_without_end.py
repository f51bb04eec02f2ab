"""An appliance that is adopted and never says that this was all."""

import pytest

from secondsite.wire.control.orders import Kind
from tests.support.vault import Dialler

pytestmark = pytest.mark.slow

ODD = {"id": "m1", "name": "web01", "problem": "It cannot be read."}


@pytest.mark.parametrize(("machines", "after"), [([], ""), ([ODD], "m1"), ([ODD], "m2")])
def test_one_that_tells_the_same_again_is_not_asked_without_an_end(vault, machines, after):
    """The command line went on for ever, and kept all that it was told."""
    identity = vault.enroll("a", "one")
    answers = {Kind.SHOW_KEPT: lambda order: {"facts": {"machines": machines, "more": True}}}
    with Dialler(identity, answers):
        asked = {"dry_run": True, "after": after}
        answer = vault.rest.post("/api/appliances/one/adopt", json=asked)
    assert answer.status_code == 422, answer.text
    assert "asking would never end" in answer.json()["error"]["message"]
