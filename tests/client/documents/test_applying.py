"""Documents that are applied: in an order that works, and never over what somebody else changed."""

import dataclasses

import pytest

from secondsite.client import Connection, Vault, documents
from secondsite.domain import errors
from secondsite.wire.common.stores import Placement
from tests.client.documents.conftest import MAC
from tests.client.documents.support_documents import apply, prepare, whats
from tests.support.vault import ThroughTheApplication

pytestmark = pytest.mark.slow

PLAN = (
    "kind: plan\nname: shop\ngroups:\n- machines: [db]\n  before: [{name: Traffic, instruction: Move it}]\n- "
    "machines: [web, app]\n"
)
GROUP = "kind: group\nname: shop\nsource_site: a\ntarget_site: b\nmachines: [web, app]\n"
POLICY = "kind: policy\nname: gold\nretention_seconds: 7200\n"
MAPPING = "kind: mapping\nsource_site: a\nsource_network: lan\ntarget_site: b\ntarget_network: dr\n"
POOL = (
    "kind: pool\nname: dmz\nsite: b\nnetwork: dr\nsubnet: 10.2.0.0/24\nranges: [10.2.0.9, "
    "10.2.0.20-10.2.0.29]\n"
)
PROTECTION = "kind: protection\nmachine: web\nsource_site: a\ntarget_site: b\npolicy: gold\n"
CARDS = f"kind: cards\nmachine: web\ncards:\n- mac: {MAC}\n  network: dmz\n"
ALL = f"{PLAN}---\n{GROUP}---\n{CARDS}---\n{POOL}---\n{MAPPING}---\n{POLICY}"


def test_policies_come_first_and_plans_last_whatever_the_order_in_the_file(remote):
    made = apply(remote, ALL)
    assert [change.key[0] for change in made] == ["policy", "mapping", "pool", "cards", "group", "plan"]
    assert remote.plans["shop"].show().groups[1].machines[0].name == "web"
    assert remote.machines["web"].settings().cards[0].network == "dmz"
    assert apply(remote, ALL) == []


def test_a_change_is_told_in_its_fields(remote):
    apply(remote, ALL)
    text = ALL.replace("retention_seconds: 7200", "retention_seconds: 3600")
    (change,) = prepare(remote, text)[1].changes
    (field,) = change.fields
    assert (change.action, change.what, change.given.value.line(())) == ("change", "policy gold", 33)
    assert (field.field, field.now, field.wanted) == ("retention_seconds", 7200, 3600)


def test_what_somebody_changed_between_the_look_and_the_change_is_not_lost(remote):
    apply(remote, ALL)
    remote.policies.create("silver", retention_seconds=72000)
    for text, meanwhile, what in (
        (
            POLICY.replace("7200", "60"),
            lambda: remote.policies["gold"].update(journal_seconds=7),
            "policy gold",
        ),
        (GROUP + "multi_vm_every_seconds: 9\n", lambda: remote.groups["shop"].remove("app"), "group shop"),
        (
            MAPPING.replace("dr", "x"),
            lambda: remote.mappings.create("a", "other", "b", "y"),
            "mapping of lan",
        ),
        (
            POOL.replace("29", "30"),
            lambda: remote.pools["dmz"].delete(),
            "pool dmz",
        ),
        (
            POLICY.replace("7200", "60") + "journal_seconds: 7\n---\n" + PROTECTION,
            lambda: remote.machines["web"].set_policy("silver"),
            "protection web",
        ),
        (CARDS.replace("dmz", "x"), lambda: remote.machines["web"].set_cards([]), "cards web"),
        (
            PLAN.replace("[db]", "[twin]").replace("twin", "m3"),
            lambda: remote.plans["shop"].delete(),
            "plan shop",
        ),
    ):
        given, prepared = prepare(remote, text)
        prepared.require()
        meanwhile()
        with pytest.raises((errors.ChangedMeanwhile, errors.NotFound), match=what) as refused:
            list(documents.DocumentApplier(remote, prepared.present, given).run(prepared.changes))
        assert "repeat the command" in refused.value.do
    assert remote.policies["gold"].show().journal_seconds == 7
    assert remote.machines["web"].show().policy == "silver"


def test_a_machine_moves_from_one_group_to_another_and_two_change_places(remote):
    two = GROUP + "---\n" + GROUP.replace("shop", "other").replace("[web, app]", "[db]")
    apply(remote, two)
    apply(remote, swapped())
    assert (remote.groups["shop"].show().machines, remote.groups["other"].show().machines) == (
        ("db",),
        ("app", "web"),
    )
    apply(remote, GROUP, prune=True)
    assert [each.name for each in remote.groups] == ["shop"]
    assert remote.groups["shop"].show().machines == ("app", "web")


def swapped():
    return GROUP.replace("[web, app]", "[db]") + "---\n" + GROUP.replace("name: shop", "name: other")


def test_a_machine_of_a_group_that_no_document_names_is_not_taken_from_it(remote):
    apply(remote, GROUP)
    with pytest.raises(errors.InvalidArgument, match="belongs to group 'shop': take it out first"):
        apply(remote, GROUP.replace("name: shop", "name: new"))
    assert [each.name for each in remote.groups] == ["shop"]


WRONG = {
    "an unknown machine": (GROUP.replace("app", "nosuch"),
    "f:5: group shop: machines[1]: there is no machine 'nosuch'"),
    "a name that two have": (PLAN.replace("[db]", "[twin]"),
    "groups[0].machines[0]: several machines are named 'twin': give an id: m3, m4"),
    "an unknown site": (MAPPING.replace("target_site: b", "target_site: c"),
    "f:4: mapping of lan from a to c: target_site: there is no site 'c'"),
    "one site twice": (MAPPING.replace("target_site: b", "target_site: a"), "two different sites"),
    "an unknown card": (CARDS.replace(MAC, "52:54:00:00:00:01"), "it has no card 52:54:00:00:00:01"),
    "a card that is and is not": (CARDS + "  connected: false\n", "and not connected: give one of the two"),
    "a twin": (POLICY.replace("gold", "default-failback"), "read-only twin"),
    "a policy of a protected machine that is not there": (
        "kind: protection\nmachine: web\nsource_site: a\ntarget_site: b\npolicy: gold\n",
        "f:5: protection web: policy: there is no policy 'gold'",
    ),
    "another target of a protected machine": (
        "kind: protection\nmachine: web\nsource_site: b\ntarget_site: a\n",
        "source_site: it is 'a' and cannot be 'b'",
    ),
    "a machine twice in a plan": (PLAN.replace("[db]", "[db, web]"),
    "f:6: plan shop: groups[1].machines[0]: web stands in the plan twice"),
    "a terminal's escape in the name of an action": (PLAN.replace("Traffic", '"\\e[2J"'),
    "plan shop: groups[0].before[0].name: The name of an action is one line"),
    "a machine in two groups": (GROUP + "---\n" + GROUP.replace("shop", "two"), "is also in"),
    "a machine by name and by id": (CARDS + "---\n" + CARDS.replace("web", "m0"), "means the same"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "told"), WRONG.values(), ids=WRONG)
def test_what_cannot_be_done_is_told_with_document_line_and_field_and_nothing_is_changed(remote, text, told):
    before = documents.export(remote)
    if told == "is also in":
        apply(remote, GROUP)
        before = documents.export(remote)
    with pytest.raises(errors.InvalidArgument) as refused:
        apply(remote, POLICY.replace("gold", "other") + "---\n" + text)
    numbered = told
    for number in range(9, 0, -1):
        numbered = numbered.replace(f"f:{number}:", f"shop.yaml:{number + 4}:")
    assert numbered in refused.value.message
    assert documents.export(remote) == before


def test_the_policy_of_a_protected_machine_is_changed_in_place(remote):
    assert whats(apply(remote, POLICY + "---\n" + PROTECTION)) == [
        "create policy gold",
        "change protection web",
    ]
    assert remote.machines["web"].show().policy == "gold"
    assert whats(apply(remote, POLICY + "---\n" + PROTECTION)) == []


def test_an_apply_that_was_interrupted_goes_on(remote):
    given, prepared = prepare(remote, ALL)
    for number, _ in enumerate(
        documents.DocumentApplier(remote, prepared.present, given).run(prepared.changes)
    ):
        if number == 3:
            break
    left = whats(prepare(remote, ALL)[1].changes)
    assert left == ["create group shop", "create plan shop"]
    assert whats(apply(remote, ALL)) == left


def test_nothing_is_deleted_unasked_and_prune_leaves_protection_cards_and_the_default_policy(remote):
    apply(remote, ALL)
    fewer = "---\n".join(
        (POLICY.replace("gold", "tin"), GROUP.replace("shop", "new").replace("[web, app]", "[db]"))
    )
    assert whats(apply(remote, fewer)) == ["create policy tin", "create group new"]
    pruned = whats(apply(remote, fewer, prune=True))
    assert pruned == ["delete group shop", "delete policy gold"]
    assert {each.name for each in remote.policies} == {"default", "default-failback", "tin", "tin-failback"}
    assert len(list(remote.mappings)) == len(list(remote.plans)) == 1
    assert (
        prepare(
            remote,
            CARDS.replace("web", "db")
            + "---\n"
            + "kind: protection\nmachine: web\nsource_site: a\ntarget_site: b\n",
            prune=True,
        )[1]
        .changes[0]
        .what
        == "cards db"
    )
    assert len(list(remote.machines.list())) == 5


def test_too_few_rights_are_told_before_anything_is_tried_and_only_what_a_token_sees_is_exported(both):
    vault, remote = both
    for name, role, site in (("r", "reader", None), ("one", "contributor", "a")):
        made = vault.rest.post("/api/tokens", json={"name": name, "roles": [role], "site": site}).json()
        network = ThroughTheApplication(vault.rest)
        with Vault(Connection("https://vault", made["token"], vault.made.ca_file, network)) as theirs:
            missing = prepare(theirs, ALL)[1].missing
            kinds = [each.split(" ")[0] for each in missing]
            assert kinds == (
                ["policy", "mapping", "pool", "cards", "group", "plan"]
                if role == "reader"
                else ["policy", "mapping", "pool"]
            )
            assert f"token '{name}'" in missing[0]
            assert "'configure', which the role contributor of the whole vault has" in missing[0]
            with pytest.raises(errors.Forbidden):
                apply(theirs, ALL)
    assert list(remote.plans) == []


def test_a_reprotected_machine_is_exported_as_its_protection_began(both):
    vault, remote = both
    apply(remote, POLICY + "---\n" + GROUP)
    text = documents.export(remote)
    with vault.store.transaction() as tx:
        for name in ("web", "app"):
            found = tx.machines.find(name)
            turned = {"source_site": "b", "target_site": "a", "policy": "default-failback"}
            tx.machines.put(dataclasses.replace(found, **turned))
    assert documents.export(remote) == text
    assert prepare(remote, text)[1].changes == []


def test_a_machine_of_a_plan_whose_protection_ended_keeps_its_place_by_its_id(both):
    vault, remote = both
    apply(remote, PLAN)
    with vault.store.transaction() as tx:
        tx.machines.remove("m2")
    text = documents.export(remote, ["plan"])
    assert "- m2" in text
    assert prepare(remote, text)[1].changes == []
    assert whats(apply(remote, text.replace("Move it", "Move all of it"))) == ["change plan shop"]


def test_one_thing_is_exported_by_its_name(remote):
    apply(remote, ALL)
    assert documents.export(remote, ["plan", "group"], "shop").count("name: shop") == 2
    assert documents.export(remote, ["policy"], "gold").splitlines()[:2] == ["kind: policy", "name: gold"]
    with pytest.raises(errors.NotFound):
        documents.export(remote, ["plan"], "nosuch")
    with pytest.raises(errors.InvalidArgument, match="kind site"):
        documents.export(remote, ["site"])


def test_the_store_of_a_protection_is_what_was_asked_for_at_its_second_site(both):
    vault, remote = both
    with vault.store.transaction() as tx:
        found = tx.machines.get("m0")
        asked = {"b": Placement(store="fast"), "a": Placement(store="home")}
        tx.machines.put(dataclasses.replace(found, keeping=asked))
    protection = "kind: protection\nmachine: web\nsource_site: a\ntarget_site: b\n"
    assert "store: fast" in documents.export(remote)
    assert "home" not in documents.export(remote)
    assert whats(apply(remote, protection + "store: fast\n")) == []
    with pytest.raises(errors.InvalidArgument, match="store: it is 'fast' and cannot be 'slow'"):
        apply(remote, protection + "store: slow\n")
