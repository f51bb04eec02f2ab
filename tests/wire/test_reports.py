"""What an appliance may say of its orders."""

import pytest

from secondsite.domain import errors
from secondsite.wire.common.base import Problem
from secondsite.wire.control import Report, orders
from secondsite.wire.control.reports import OF_THE_VAULT, facts_of


def raised(code):
    report = Report(order_id="o1", problem=Problem(code=code, message="because", do="this"))
    with pytest.raises(errors.SecondsiteError) as problem:
        facts_of(orders.POWER, report)
    return problem.value


@pytest.mark.parametrize("kind", OF_THE_VAULT, ids=lambda kind: kind.code)
def test_what_only_the_vault_knows_of_itself_is_no_word_of_an_appliance(kind):
    """A failover waited ten minutes for a database that was there, on the word of one appliance."""
    problem = raised(kind.code)
    assert type(problem) is errors.Internal
    assert problem.message.endswith("because")


@pytest.mark.parametrize(
    "kind", [errors.StaleOrder, errors.FabricError, errors.DeadlineExceeded, errors.NotFound]
)
def test_what_happened_to_the_order_is(kind):
    assert type(raised(kind.code)) is kind
