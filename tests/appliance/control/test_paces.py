"""Orders that wait for hours do not hold up those that people wait for."""

import time
import uuid

from rig.appliances import Pair
from rig.appliances.runs import fail_over
from rig.eventually import eventually
from secondsite.wire import control as wire
from secondsite.wire.common.machine_checks import MachineCheck
from secondsite.wire.control.orders import FabricMachine, Kind, Nothing, PreCopy, ShutDown
from secondsite.wire.control.proofs import Prove, RepeatChecks

A, B = "appliance-a", "appliance-b"
LONG = 50
PROMPT_SECONDS = 10
"""Idle it is milliseconds; with eight workers for all orders it was as long as the link is down."""


def order(kind, machine_id, payload=None, deadline_seconds=60):
    body = (payload or Nothing()).model_dump(mode="json")
    return wire.Order(
        order_id=uuid.uuid4().hex, kind=kind, machine_id=machine_id, payload=body,
        deadline_seconds=deadline_seconds
    )  # fmt: skip


def test_a_machine_is_looked_at_and_shut_down_while_fifty_long_orders_wait_for_the_link(vault, make_site):
    a, b = make_site("a").start(control_url=vault.url), make_site("b").start()
    pair = Pair(a, b, a.make_machine()).protect().synchronized()
    other = Pair(a, b, a.make_machine("db01"), name="db01").protect().synchronized()
    b.stop()
    eventually(lambda: vault.connections.get(A))
    long = [order(Kind.PRE_COPY, pair.machine_id, PreCopy()) for _ in range(LONG)]
    for each in long:
        vault.send(A, each)
    began = time.monotonic()
    looked = order(Kind.POWER, None, FabricMachine(fabric_id=other.fabric_id))
    ended = order(Kind.SHUT_DOWN, other.machine_id, ShutDown(fabric_id=other.fabric_id, grace_seconds=5))
    for each in (looked, ended):
        vault.send(A, each)
        report = eventually(lambda each=each: vault.reports.get(each.order_id), PROMPT_SECONDS)
        assert report.problem is None
    assert time.monotonic() - began < PROMPT_SECONDS
    assert [each.order_id for each in long if each.order_id in vault.reports] == []


def test_checks_that_a_vault_repeats_hold_up_no_verb_leave_no_record_and_end_with_its_patience(
    vault, make_site
):
    """Two hundred that did not pass kept a failover's proof waiting for 91 s, and went on for ever."""
    a, b = make_site("a").start(control_url=vault.url), make_site("b").start(control_url=vault.url)
    pair = Pair(a, b, a.make_machine(shows="login: ", guest_agent=False)).protect().synchronized()
    fabric_id = fail_over(pair, pair.point_now())
    fails = MachineCheck(name="agent", kind="agent", deadline_seconds=3)
    asked = RepeatChecks(fabric_id=fabric_id, name="web01", checks=(fails,))
    eventually(lambda: vault.connections.get(B))
    many = [order(Kind.REPEAT_CHECKS, pair.machine_id, asked, deadline_seconds=15) for _ in range(LONG * 4)]
    for each in many:
        vault.send(B, each)
    prove = order(Kind.PROVE, pair.machine_id, Prove(fabric_id=fabric_id, name="web01", wait_seconds=0))
    vault.send(B, prove)
    assert eventually(lambda: vault.reports.get(prove.order_id), PROMPT_SECONDS).problem is None
    last = order(Kind.REPEAT_CHECKS, pair.machine_id, asked)
    vault.send(B, last)
    eventually(lambda: vault.reports.get(last.order_id), 60)
    ended = [each.order_id for each in many if each.order_id in vault.reports]
    assert 0 < len(ended) < len(many) * 3 / 4
    assert {b.appliance.state.report(each) for each in ended} == {None}
