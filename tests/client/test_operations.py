"""Whatever the API can, the client can: every operation of the OpenAPI document is asked for by some
method."""

import contextlib
import inspect
import json
import re
import typing
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

import pytest

from secondsite import client
from secondsite.client import errors
from secondsite.client.nouns import (
    appliances,
    drills,
    groups,
    jobs,
    machines,
    mappings,
    notices,
    plans,
    points,
    policies,
    pools,
    sites,
    verbs,
)
from secondsite.client.nouns.access import approvals, audit, evidence, people, providers, sessions, tokens
from secondsite.domain.lifecycle import Verb
from secondsite.domain.machines.connecting import Line
from secondsite.domain.machines.hooks import HookMoment
from secondsite.domain.plans import run_selection
from secondsite.domain.points import RecoveryPointChoice
from secondsite.entry import reference
from secondsite.wire import rest
from secondsite.wire.common.cards import CardSettings
from secondsite.wire.common.hooks import MachineHook
from secondsite.wire.common.machine_checks import CheckKind, MachineCheck
from secondsite.wire.common.policies import PolicyShape
from secondsite.wire.common.properties import TargetProperties
from secondsite.wire.rest import drill_schedules, predictions
from secondsite.wire.rest import pools as pools_rest

pytestmark = pytest.mark.slow

NOW = datetime.now(UTC)
WEB = "web01"
HOOK = rest.NoticeTargetSettings(webhook=rest.WebhookShape(url="http://127.0.0.1:9/"))
GROUPS = [rest.PlanGroupChange(machines=(WEB,))]
STAFF = rest.ProviderSettings(issuer="https://127.0.0.1:9", client_id="secondsite")
CARD = CardSettings(mac="52:54:00:00:00:01", connected=False)
THERE = TargetProperties(target_name="web01-dr", vcpus=2)
ON_START = MachineHook(name="give", script="give-address", moment=HookMoment.AFTER_START)
CHECK = MachineCheck(name="page", kind=CheckKind.HTTP)
CALLS = {
    "Vault": [
        lambda v: v.show(),
        lambda v: v.health(),
        lambda v: v.ready(),
        lambda v: v.ca(),
        lambda v: v.lifecycle(),
        lambda v: v.summary(),
        lambda v: v.overview(),
        lambda v: v.metrics(),
        lambda v: v.report(),
        lambda v: v.capacity(predictions.CapacityQuery(source="a", target="b")),
        lambda v: v.machines.rows(),
        lambda v: next(v.live(interval=0)),
        lambda v: v.validation(now=True),
        lambda v: next(v.events(machine="nosuch", kinds=[rest.EventKind.JOB])),
    ],
    "Sites": [
        lambda v: v.sites.list(),
        lambda v: v.sites.create("rome"),
        lambda v: v.sites["rome"].show(),
        lambda v: v.sites["rome"].limit(10**6),
        lambda v: v.sites["rome"].verify(every_days=7),
        lambda v: v.sites["rome"].inventory(),
        lambda v: v.sites["rome"].create_registration_key(),
        lambda v: v.sites["rome"].delete(),
    ],
    "Pairs": [
        lambda v: list(v.pairs),
        lambda v: v.pairs.show("a", "b"),
        lambda v: v.pairs.set("a", "b", reverse_after_commit=False),
    ],
    "Appliances": [
        lambda v: v.appliances.list(site="a"),
        lambda v: v.appliances["one"].show(),
        lambda v: v.appliances.enroll(rest.EnrollRequest(key="none", name="x", csr_pem="")),
        lambda v: v.appliances["one"].create_registration_key(refuse_now=True),
        lambda v: v.appliances["one"].adopt(),
        lambda v: v.appliances["one"].drain(),
        lambda v: v.appliances["one"].resume(),
        lambda v: v.appliances["nosuch"].delete(),
    ],
    "Networks": [
        lambda v: v.networks.list(),
        lambda v: v.mappings.list(source_site="a"),
        lambda v: v.mappings.create("a", "lan", "b", "lan"),
        lambda v: v.mappings.delete("a", "lan", "b"),
    ],
    "Policies": [
        lambda v: v.policies.list(),
        lambda v: v.policies.create("gold", retention_seconds=7200),
        lambda v: v.policies["gold"].show(),
        lambda v: v.policies["gold"].update(cycle_seconds=9),
        lambda v: v.policies["gold"].delete(),
    ],
    "Groups": [
        lambda v: v.groups.list(),
        lambda v: v.groups.create("shop", "a", "b"),
        lambda v: v.groups["shop"].show(),
        lambda v: v.groups["shop"].add(WEB),
        lambda v: v.groups["shop"].remove(WEB),
        lambda v: v.groups["shop"].update([WEB], multi_vm_every_seconds=60, app_consistent=False),
        lambda v: v.groups["shop"].delete(),
    ],
    "NoticeTargets": [
        lambda v: v.notices.list(),
        lambda v: v.notices.create("hook", HOOK, secret="a key of the two sides"),
        lambda v: v.notices["hook"].show(),
        lambda v: v.notices["hook"].set(HOOK),
        lambda v: v.notices["hook"].test(),
        lambda v: v.notices["hook"].delete(),
    ],
    "Plans": [
        lambda v: v.plans.list(),
        lambda v: v.plans.create("shop", GROUPS),
        lambda v: v.plans["shop"].show(),
        lambda v: v.plans["shop"].set(GROUPS, seen=v.plans["shop"].show()),
        lambda v: v.plans["shop"].keep_open(),
        lambda v: v.plans["shop"].preview(Verb.FAILOVER),
        lambda v: v.plans["shop"].choices(Verb.FAILOVER),
        *(lambda v, verb=verb: v.plans["shop"].run(verb) for verb in run_selection.VERBS),
        lambda v: v.plans["shop"].delete(),
    ],
    "Machines": [
        lambda v: list(v.machines),
        lambda v: v.machines.discovered(),
        lambda v: v.machines[WEB].show(),
        lambda v: v.machines[WEB].rpo(NOW, every_seconds=600),
        lambda v: v.machines[WEB].churn(),
        lambda v: v.machines[WEB].settings(),
        lambda v: v.machines[WEB].set_cards([CARD], seen=v.machines[WEB].settings()),
        lambda v: v.machines[WEB].properties(),
        lambda v: v.machines[WEB].set_properties(THERE, seen=v.machines[WEB].properties()),
        lambda v: v.machines[WEB].policy(),
        lambda v: v.machines[WEB].set_policy("default", seen=v.machines[WEB].policy()),
        lambda v: v.machines[WEB].checks(),
        lambda v: v.machines[WEB].set_checks([CHECK], seen=v.machines[WEB].checks()),
        lambda v: v.machines[WEB].connecting(),
        lambda v: v.machines[WEB].confirm(Line.SAN_POLICY),
        lambda v: v.machines[WEB].take_back(Line.SAN_POLICY),
        lambda v: v.machines[WEB].hooks(),
        lambda v: v.machines[WEB].set_hooks([ON_START], seen=v.machines[WEB].hooks()),
        lambda v: v.machines[WEB].preview("custom", "p1"),
        lambda v: v.machines[WEB].choices(Verb.FAILOVER),
        lambda v: v.machines[WEB].preview(at=NOW),
        lambda v: v.machines[WEB].predict(Verb.PLANNED_FAILOVER),
        lambda v: v.machines[WEB].preflight(),
        lambda v: v.machines[WEB].appliances(),
        lambda v: v.appliances["a1"].check(),
        lambda v: v.sites["a"].appliances_for("vm1", "b", encrypt=True),
        lambda v: v.machines[WEB].reprotect_preview(),
        lambda v: v.sites["a"].preflight("vm1", "b", target_appliance="x", encrypt=True),
        lambda v: list(v.machines[WEB].points.list(since=NOW, held=False)),
        lambda v: v.machines[WEB].points["p1"].hold("why"),
        lambda v: v.machines[WEB].points["p1"].release(),
        lambda v: v.machines[WEB].points["p1"].verify(),
        lambda v: v.machines[WEB].points["p1"].boot(network="isolated"),
        lambda v: v.machines[WEB].points["p1"].restore("old", "/srv"),
        lambda v: list(v.machines[WEB].points["p1"].files("vda1")),
        lambda v: v.machines[WEB].points["p1"].fetch_files("vda1/etc", "/srv"),
        lambda v: list(v.machines[WEB].points["p1"].send_files("vda1/etc")),
        lambda v: v.machines[WEB].start_anyway("a", accept_two_copies=True),
    ],
    "Verbs": [
        lambda v: v.machines[WEB].enable_protection("a", "b"),
        lambda v: v.machines[WEB].disable_protection(),
        lambda v: v.machines[WEB].test_failover(choice="latest", target_appliance="b2"),
        lambda v: v.machines[WEB].cleanup_test_failover(notes="well"),
        lambda v: v.machines[WEB].failover(at=NOW),
        lambda v: v.machines[WEB].planned_failover(),
        lambda v: v.machines[WEB].change_recovery_point(point="p1"),
        lambda v: v.machines[WEB].commit(),
        lambda v: v.machines[WEB].cancel_failover(),
        lambda v: v.machines[WEB].reprotect(
            location="alternate", target_appliance="x", seeds={WEB: {"vda": "/x.raw"}}
        ),
        lambda v: v.machines[WEB].resynchronize(),
        lambda v: v.machines[WEB].include_disk("vdb"),
        lambda v: v.machines[WEB].exclude_disk("vdb"),
        lambda v: v.machines[WEB].update_names(),
        lambda v: v.machines[WEB].settle("images"),
        lambda v: v.machines[WEB].move_replica("b2"),
        lambda v: v.machines[WEB, "db01"].disable_protection(),
        lambda v: v.machines[WEB, "db01"].test_failover(choice="latest"),
        lambda v: v.machines[WEB, "db01"].cleanup_test_failover(),
        lambda v: v.machines[WEB, "db01"].failover(at=NOW),
        lambda v: v.machines[WEB, "db01"].planned_failover(),
        lambda v: v.machines[WEB, "db01"].change_recovery_point(point="p1"),
        lambda v: v.machines[WEB, "db01"].commit(),
        lambda v: v.machines[WEB, "db01"].cancel_failover(),
        lambda v: v.machines[WEB, "db01"].reprotect(),
        lambda v: v.machines[WEB, "db01"].resynchronize(),
        lambda v: v.machines[WEB, "db01"].include_disk("vdb"),
        lambda v: v.machines[WEB, "db01"].exclude_disk("vdb"),
        lambda v: v.machines[WEB, "db01"].update_names(),
        lambda v: v.machines[WEB, "db01"].settle("images", bytes_per_second=1),
        lambda v: v.machines[WEB, "db01"].move_replica(host_is_gone=True),
    ],
    "Jobs": [
        lambda v: list(v.jobs.list(machine=WEB, children=False)),
        lambda v: v.jobs["nosuch"].show(),
        lambda v: v.jobs["nosuch"].picture(),
        lambda v: v.jobs["nosuch"].cancel(),
        lambda v: v.jobs["nosuch"].retry(),
        lambda v: v.jobs["nosuch"].resume(),
        lambda v: v.jobs["nosuch"].answer("done", task=0),
        lambda v: list(v.jobs["nosuch"].follow()),
        lambda v: list(v.jobs["nosuch"].children()),
    ],
    "Audit": [
        lambda v: list(v.audit.list()),
        lambda v: v.audit.verify(),
        lambda v: v.audit.settings(),
        lambda v: v.audit.keep(90),
    ],
    "Evidences": [
        lambda v: list(v.evidence.list()),
        lambda v: v.evidence.show("e-1"),
        lambda v: v.evidence.picture("e-1", "0" * 64),
    ],
    "DrillSchedules": [
        lambda v: list(v.pools),
        lambda v: v.pools.create(
            pools_rest.AddressPoolCreate(
                name="dmz", site="b", network="lan", subnet="10.2.0.0/24", ranges=("10.2.0.9",)
            )
        ),
        lambda v: v.pools["dmz"].show(),
        lambda v: v.pools["dmz"].set(
            pools_rest.AddressPoolChange(site="b", network="lan", subnet="10.2.0.0/24", ranges=("10.2.0.7",))
        ),
        lambda v: v.pools["dmz"].release("10.2.0.7"),
        lambda v: v.pools["dmz"].delete(),
        lambda v: v.machines[WEB].drill.entries(),
        lambda v: v.machines[WEB].drill.give_pass("admin"),
        lambda v: v.machines[WEB].drill.end_pass("nosuch"),
        lambda v: list(v.drill_schedules),
        lambda v: v.drill_schedules.create(
            drill_schedules.DrillScheduleCreate(name="nightly", machines=(WEB,), every_days=7, at="02:00")
        ),
        lambda v: v.drill_schedules["nightly"].show(),
        lambda v: v.drill_schedules["nightly"].set(
            drill_schedules.DrillScheduleChange(machines=(WEB,), every_days=7, at="02:00")
        ),
        lambda v: v.drill_schedules["nightly"].run(),
        lambda v: v.drill_schedules["nightly"].delete(),
    ],
    "Approvals": [
        lambda v: v.approvals.settings(),
        lambda v: v.approvals.require(),
        lambda v: list(v.approvals.list("asked")),
        lambda v: v.approvals[7].show(),
        lambda v: v.approvals[7].grant(),
        lambda v: v.approvals[7].refuse("not now"),
        lambda v: v.approvals[7].withdraw(),
    ],
    "Tokens": [
        lambda v: v.tokens.list(),
        lambda v: v.tokens.create("robot", "operator"),
        lambda v: v.tokens["robot"].rotate(60),
        lambda v: v.tokens["robot"].delete(),
    ],
    "People": [
        lambda v: list(v.people),
        lambda v: v.people.create("anna", "operator"),
        lambda v: v.people["anna"].show(),
        lambda v: v.people["anna"].change("reader", site="a"),
        lambda v: v.people["anna"].reset_password(),
        lambda v: v.people["anna"].reset_second_factor(),
        lambda v: v.people["anna"].disable(),
        lambda v: v.people["anna"].enable(),
        lambda v: v.people["anna"].delete(),
        lambda v: v.people.settings(),
        lambda v: v.people.require_second_factor(False),
    ],
    "Providers": [
        lambda v: list(v.providers),
        lambda v: v.providers.create("staff", STAFF, secret="of the two sides"),
        lambda v: v.providers["staff"].show(),
        lambda v: v.providers["staff"].set(STAFF),
        lambda v: v.providers["staff"].test(),
        lambda v: v.providers["staff"].delete(),
    ],
    "Sessions": [
        lambda v: list(v.sessions),
        lambda v: v.sessions["nosuch"].end(),
        lambda v: v.sessions.pending("BCDF-GHJK"),
        lambda v: v.sessions.approve("BCDF-GHJK"),
        lambda v: v.sessions.refuse("BCDF-GHJK"),
        lambda v: v.sessions.who_am_i(),
        lambda v: v.sessions.set_password("correct horse battery"),
        lambda v: v.sessions.end_own(),
    ],
}
OF_ONE_PERSON = {
    *(("GET", "/api/log-in"), ("POST", "/api/log-in/begin"), ("POST", "/api/log-in/finish")),
    *(("POST", "/api/session"), ("POST", "/api/session/question")),
    *(("POST", "/api/logins"), ("POST", "/api/logins/poll")),
    ("GET", "/api/session/security-keys"),
    *(("POST", f"/api/session/security-keys{each}") for each in ("", "/ask", "/begin", "/{key}/remove")),
    *((each, "/api/session/second-factor") for each in ("POST", "PUT")),
    ("POST", "/api/session/second-factor/remove"),
    ("POST", "/api/machines/{machine}/drill/way"),
    ("POST", "/api/drills/ways/{way}"),
}
"""How a browser, or `secondsite login`, comes in, and what somebody changes of oneself there: a program has a
token. A line into a drill is not a call (`e2e/test_ways_into_drills.py`)."""
MODULES = (
    appliances, approvals, audit, drills, evidence, groups, jobs, machines, mappings, mappings, notices,
    mappings, plans, points, policies, pools, sites,
    people, providers, sessions, tokens, verbs,
)  # fmt: skip


def operations():
    """(method, path with names in braces) of each, with what it takes in the query and in its body."""
    return {
        (method.upper(), path): what
        for path, methods in reference.openapi()["paths"].items()
        for method, what in methods.items()
    }


def operation_of(request):
    """The operation that the request asks for: one without names in its path comes first."""
    fitting = [
        (method, path)
        for method, path in operations()
        if method == request.method and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", path), request.url.path)
    ]
    assert fitting, f"{request.method} {request.url.path} is no operation"
    return min(fitting, key=lambda operation: operation[1].count("{"))


def test_no_operation_is_without_a_way_and_none_is_asked_for_wrongly(remote, network, protected):
    for call in [call for calls in CALLS.values() for call in calls]:
        with contextlib.suppress(errors.NotFound, errors.NotPossibleNow, errors.AlreadyExists):
            with contextlib.suppress(
                errors.ApplianceUnreachable, errors.RegistrationRefused, errors.InvalidArgument
            ):
                call(remote)
    reached: dict[Any, Any] = {}
    for request in network.asked:
        reached.setdefault(operation_of(request), []).append(request)
    assert set(operations()) - set(reached) == OF_ONE_PERSON
    for operation, requests in reached.items():
        for request in requests:
            _fits(operations()[operation], request)


def _fits(operation, request):
    known = {each["name"]: each["in"] for each in operation.get("parameters", ())}
    assert set(parse_qs(request.url.query.decode())) <= {name for name in known if known[name] == "query"}
    assert ("if-match" in request.headers) <= ("if-match" in known)
    if request.content:
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        (name,) = set(re.findall(r"schemas/(\w+)", json.dumps(schema)))
        fields = reference.openapi()["components"]["schemas"][name].get("properties", {})
        assert set(json.loads(request.content)) <= set(fields), (request.url, name)


def public_methods():
    kinds = [client.Vault, client.Connection]
    for module in MODULES:
        kinds += [
            kind
            for _, kind in inspect.getmembers(module, inspect.isclass)
            if kind.__module__ == module.__name__ and not typing.is_typeddict(kind)
        ]
    for kind in kinds:
        for name, method in vars(kind).items():
            if inspect.isfunction(method) and not name.startswith("_"):
                yield pytest.param(method, id=f"{kind.__name__}.{name}")


@pytest.mark.parametrize("method", list(public_methods()))
def test_every_method_says_what_it_gives_and_of_which_type(method):
    assert inspect.getdoc(method) or method.__name__ == "close"
    hints = typing.get_type_hints(method)
    assert set(hints) == {*inspect.signature(method).parameters, "return"} - {"self"}
    assert typing.Any not in hints.values() or method.__qualname__.startswith("Connection.")


def test_the_words_of_choices_and_policies_are_those_of_the_shapes():
    assert set(typing.get_args(verbs.ChoiceName)) == {choice.value for choice in RecoveryPointChoice}
    hints = typing.get_type_hints(policies.PolicyValues)
    fields = {name: field.annotation for name, field in PolicyShape.model_fields.items() if name != "name"}
    assert hints == fields
