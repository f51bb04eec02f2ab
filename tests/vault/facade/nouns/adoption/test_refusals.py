"""What an appliance may say that cannot be adopted, or not just so: it is left, or adopted under other
names, and said."""

import dataclasses

import pytest

from rig.eventually import eventually
from secondsite.domain.groups import ReplicationGroup
from secondsite.domain.lifecycle import State
from secondsite.domain.machines.hooks import HookMoment
from secondsite.domain.plans.plan import PlanGroup, PlanMachine, RecoveryPlan
from secondsite.domain.policies import ReplicationPolicy
from secondsite.wire import rest
from secondsite.wire.common.cards import CardSettings
from secondsite.wire.common.hooks import MachineHook
from secondsite.wire.common.machine_checks import CheckKind, MachineCheck
from secondsite.wire.common.policies import PolicyShape
from secondsite.wire.common.properties import TargetProperties
from secondsite.wire.control.adopting import (
    AdoptableRun,
    AdoptableSource,
    AdoptionMapping,
    AdoptionPolicy,
    AdoptionSite,
)
from secondsite.wire.control.orders import Kind
from tests.support.vault import Dialler, machine, request_for
from tests.vault.facade.nouns.adoption.support_saying import (
    GONE,
    MAC,
    OLD,
    Appliance,
    found,
    kept,
    only,
    record,
    replica,
    said,
)


def test_an_appliance_that_is_away_or_older_is_named_and_a_site_has_one_role(vault, adopt):
    url = f"/api/appliances/{adopt.at.id}/adopt"
    away = vault.rest.post(url, json={})
    assert (away.status_code, away.json()["error"]["code"]) == (503, "appliance-unreachable")
    with Dialler(adopt.at, {Kind.SHOW_KEPT: lambda order: OLD}):
        assert "does not know" in vault.rest.post(url, json={}).json()["error"]["message"]
        same = vault.rest.post(url, json={"other_site": "b"})
    assert "--other-site" in same.json()["error"]["do"]


def test_nothing_is_known_of_the_former_vault_so_names_stand_for_what_is_lost(vault, adopt):
    done = adopt(Appliance([found()]), other_site="paris")
    assert (only(done).state, only(done).source_site) == (State.PROTECTED, "paris")
    assert "Set them again" in done.missing[0]
    made = record(vault)
    assert (made.source_appliance_id, made.policy, made.generation) == (GONE, "quick", 1007)
    away = vault.rest.get(f"/api/appliances/{GONE}").json()
    assert (away["name"], away["site"], away["connected"]) == (f"lost-{GONE[:8]}", "paris", False)


def test_all_that_was_kept_of_a_machine_is_set_again(vault, adopt):
    check = MachineCheck(name="web", kind=CheckKind.HTTP)
    hook = MachineHook(name="give", script="give-address", moment=HookMoment.AFTER_START)
    machine = found(
        kept=kept(
            group="shop", cards=(CardSettings(mac=MAC, network="br2"),), checks=(check,), hooks=(hook,),
            properties=TargetProperties(target_name="web01-dr", vcpus=3),
        )
    )  # fmt: skip
    plan = RecoveryPlan("shop", (PlanGroup((PlanMachine("m1", "web01", "a", "b"),)),))
    mapping = AdoptionMapping(source_site="a", source_network="lan", target_site="b", target_network="br1")
    vault_said = said(groups=(ReplicationGroup("shop", "a", "b"),), plans=(plan,), mappings=(mapping,))
    adopt(Appliance([machine], vault_said))
    with vault.store.reading() as tx:
        made = tx.machines.by_id("m1")
        assert (made.group, made.source_site, made.target_fabric_id) == ("shop", "a", "t-m1")
        assert tx.settings.cards("m1")[0].network == "br2"
        assert tx.checks.find("m1") == (check,)
        assert tx.hooks.find("m1") == (hook,)
        assert tx.properties.find("m1").target_name == "web01-dr"
        assert [each.plan for each in tx.plans.list()] == [plan]
        assert tx.networks.list()[0].target_network == "br1"
        assert tx.appliances.find(GONE).name == "a-1"


def test_a_policy_that_is_another_one_here_comes_under_another_name(vault, adopt):
    with vault.store.transaction() as tx:
        tx.policies.put(ReplicationPolicy("quick", retention_seconds=60))
    for _ in range(2):
        adopt(Appliance([found(kept=kept())], said()))
    assert record(vault).policy == "quick-adopted"
    with vault.store.reading() as tx:
        values = {each.name: each.retention_seconds for each, _ in tx.policies.list() if "quick" in each.name}
    assert values == {"quick": 60, "quick-adopted": 7200}


def test_the_appliances_own_site_may_have_another_name_now(vault, adopt):
    machine = found(kept=kept(target_site="rome"))
    adopt(Appliance([machine], said(sites=(AdoptionSite(name="rome"), AdoptionSite(name="a"))), site="rome"))
    assert record(vault).target_site == "b"
    assert vault.rest.get("/api/sites/rome").status_code == 404


@pytest.mark.parametrize(
    ("machine", "why"),
    [
        (found(problem="The record cannot be read."), "cannot be read"),
        (found(definition=None), "no recovery point"),
        (found(kept=kept(source_site="b", home_site="b")), "Both sites"),
        (found(replica=replica(opened=False)), "did not protect"),
    ],
    ids=["damaged", "no-definition", "one-site", "no-longer-protected"],
)
def test_what_cannot_be_adopted_is_left_and_keeps_no_other_from_it(vault, adopt, machine, why):
    appliance = Appliance([machine, found("m2", "db01", kept=kept("m2", "db01"))], said())
    done = {each.id: each for each in adopt(appliance).machines}
    assert (str(done["m1"].end), str(done["m2"].end)) == ("left", "adopted")
    assert why in done["m1"].says[0]
    assert record(vault) is None


def test_a_machine_that_was_protected_anew_meanwhile_keeps_no_other_from_being_adopted(vault, adopt):
    sides = {"source_appliance_id": vault.enroll("a").id, "target_appliance_id": adopt.at.id}
    with vault.store.transaction() as tx:
        tx.machines.add(machine("new", source_fabric_id="f-m1", **sides))
    appliance = Appliance([found(kept=kept()), found("m2", "db01", kept=kept("m2", "db01"))], said())
    done = {each.id: each for each in adopt(appliance).machines}
    assert (str(done["m1"].end), str(done["m2"].end)) == ("left", "adopted")
    assert "disable-protection new" in done["m1"].do


def test_one_that_its_appliance_cannot_take_in_is_left(vault, adopt):
    appliance = Appliance([found()])
    appliance.refuses = ("m1",)
    assert only(adopt(appliance)).says == ("Its record is damaged.",)
    assert record(vault) is None


def test_what_plain_qemu_runs_is_said_with_the_way_to_take_it_over(adopt):
    run = AdoptableRun(point_id="p1", by="qemu")
    told = only(adopt(Appliance([found(replica=replica(run=run))])))
    assert told.state is State.PROTECTED
    assert "secondsite-rescue stop web01" in told.do
    assert "failover web01 --point p1" in told.do


def test_what_a_hypervisor_runs_is_failed_over_under_a_number_above_all(vault, adopt):
    run = AdoptableRun(point_id="p1", fabric_id="f-there", name="web01", defined=True)
    appliance = Appliance([found(replica=replica(run=run))])
    assert only(adopt(appliance)).state is State.FAILED_OVER
    made = record(vault)
    assert (made.failed_over_point_id, made.target_fabric_id) == ("p1", "f-there")
    assert appliance.adopted[0].generation == made.generation == 1007


def test_an_address_of_a_pool_that_nobody_kept_is_told_so_that_it_is_not_given_twice(vault, adopt):
    card = CardSettings(mac=MAC, from_pool=True)
    run = AdoptableRun(point_id="p1", fabric_id="f-there", name="web01", defined=True)
    away = found(replica=replica(run=run), kept=kept(cards=(card,)))
    home = found("m2", "db01", kept=kept("m2", "db01", cards=(card,)))
    done = adopt(Appliance([away, home], said()))
    told = {each.name: " ".join(each.says) for each in done.machines}
    assert "secondsite card set web01 52:54:00:00:00:01 --address" in told["web01"]
    assert "secondsite card set" not in told["db01"]
    assert any("Address pools" in each for each in done.missing)
    assert any("--no-reverse-after-commit" in each for each in done.missing)


def test_a_machine_that_a_verb_has_taken_since_is_left_as_it_is(vault, adopt):
    appliance = Appliance([found()])
    adopt(appliance)
    taken(vault)
    before = record(vault)
    run = AdoptableRun(point_id="p1", fabric_id="f-there", name="web01", defined=True)
    appliance.machines["m1"] = found(replica=replica(run=run), generation=5000)
    assert str(only(adopt(appliance)).end) == "here"
    assert record(vault) == before
    assert len(appliance.adopted) == 1


def told_by(vault, identity, appliance, **asked):
    """What comes of adopting that one."""
    with Dialler(identity, appliance.answers()):
        answer = vault.rest.post(f"/api/appliances/{identity.id}/adopt", json=asked)
        assert answer.status_code == 200, answer.text
        return only(rest.Adoption.model_validate(answer.json()))


def taken(vault):
    """A verb of this vault was tried, and came to nothing."""
    with vault.store.transaction() as tx:
        tx.machines.put(dataclasses.replace(tx.machines.get("m1"), claimed_by="job"))


@pytest.mark.parametrize("tried", [False, True])
@pytest.mark.parametrize("at", ["its target", "another target"])
def test_a_source_of_a_later_epoch_counts_and_not_the_replica_that_was_adopted_first(vault, adopt, at, tried):
    """That was put back from an earlier day, or the machine has left it."""
    adopt(Appliance([found(kept=kept())], said()))
    if tried:
        taken(vault)
    target = adopt.at.id if at == "its target" else "new-b"
    source = AdoptableSource(epoch=3, fabric_id="f-m1", target_appliance_id=target, power="running")
    first = vault.enroll("a", "a-9")
    appliance = Appliance([found(replica=None, source=source)], said(), site="a")
    told = told_by(vault, first, appliance, other_site="b")
    assert str(told.end) == "completed"
    assert "is of epoch 3" in told.says[0]
    assert (
        "resynchronize web01" if at == "its target" else "appliance 'b-1' of site b has an old copy"
    ) in told.says[1]
    made = record(vault)
    assert (made.source_appliance_id, made.source_fabric_id, made.epoch) == (first.id, "f-m1", 3)
    assert (made.target_site, made.target_appliance_id) == ("b", target)
    assert appliance.adopted[0].generation == made.generation > 1007
    assert str(told_by(vault, first, appliance, other_site="b").end) == "here"


def test_a_source_that_was_left_is_named_as_an_old_copy(vault, adopt):
    adopt(Appliance([found(kept=kept(), replica=replica(epoch=3))], said()))
    before = record(vault)
    source = AdoptableSource(epoch=1, fabric_id="f-m1", target_appliance_id=adopt.at.id, power="running")
    first = vault.enroll("a", "a-9")
    told = told_by(vault, first, Appliance([found(replica=None, source=source)], said(), site="a"))
    assert (str(told.end), record(vault)) == ("left", before)
    assert "an old one, whose power state is running" in told.do


def test_a_replica_that_was_only_prepared_takes_no_role_from_the_machine_that_runs(vault, adopt):
    """The vault was lost within a reprotect."""
    run = AdoptableRun(point_id="p1", fabric_id="f-there", name="web01", defined=True)
    committed = replica(committed_point_id="p1", run=run)
    adopt(Appliance([found(kept=kept(), replica=committed)], said()))
    before = record(vault)
    first = vault.enroll("a", "a-9")
    prepared = Appliance([found(replica=replica(epoch=2, points=0, newest_at=None))], said(), site="a")
    assert str(told_by(vault, first, prepared).end) == "left"
    assert record(vault) == before


def test_the_disks_that_a_machine_left_when_it_went_home_are_no_failover_of_it(vault, adopt):
    left = replica(committed_point_id="p1", run=AdoptableRun(point_id="p1", fabric_id="t-m1"))
    sides = {
        "source_site": "b", "target_site": "a", "source_appliance_id": adopt.at.id,
        "target_appliance_id": GONE,
        "source_fabric_id": "t-m1", "target_fabric_id": "f-m1",
    }  # fmt: skip
    appliance = Appliance([found(kept=kept(**sides), replica=left)], said())
    told = only(adopt(appliance))
    assert (told.state, told.source_site, told.target_site) == (State.COMMITTED, "b", "a")
    assert "runs at home" in told.says[0]
    assert (record(vault).epoch, record(vault).reversed) == (2, True)
    assert str(only(adopt(appliance)).end) == "here"
    again = replica(committed_point_id="p1", run=AdoptableRun(point_id="p1", fabric_id="t-m2", defined=True))
    runs = found(
        "m2", "db01", kept=kept("m2", "db01", **{**sides, "target_fabric_id": "f-m2"}), replica=again
    )
    (other,) = [each for each in adopt(Appliance([runs], said())).machines if each.id == "m2"]
    assert other.source_site == "a", "one on which a machine stands is a failover"


def test_what_was_said_before_a_reprotect_is_turned_by_what_is_there(vault, adopt):
    """The vault was lost before it told the next direction."""
    source = AdoptableSource(epoch=2, fabric_id="t-m1", target_appliance_id=GONE, power="running")
    assert (
        str(only(adopt(Appliance([found(kept=kept(), replica=None, source=source)], said()))).end)
        == "adopted"
    )
    made = record(vault)
    assert (made.source_site, made.source_appliance_id) == ("b", adopt.at.id)
    assert (made.target_site, made.target_appliance_id, made.target_fabric_id) == ("a", GONE, "f-m1")


def test_an_appliance_that_has_taken_the_id_of_another_sites_gets_none_of_its_orders(vault, adopt):
    key = vault.rest.post("/api/sites/b/registration-key").json()["key"]
    asked = {"name": "b-9", "csr_pem": request_for("b-9")[1], "appliance_id": GONE, "key": key}
    assert vault.rest.post("/api/enroll", json=asked).status_code == 200
    told = only(adopt(Appliance([found(kept=kept())], said())))
    assert (str(told.end), record(vault)) == ("left", None)
    assert "'b-9' of site b has that id" in told.says[0]
    asked["key"] = vault.rest.post("/api/sites/a/registration-key").json()["key"]
    refused = vault.rest.post("/api/enroll", json=asked)
    assert refused.status_code == 403
    assert f"secondsite appliance delete {GONE}" in refused.json()["error"]["do"]
    assert vault.rest.delete(f"/api/appliances/{GONE}").status_code == 204
    assert vault.rest.post("/api/enroll", json=asked).status_code == 200
    assert str(only(adopt(Appliance([found(kept=kept())], said()))).end) == "adopted"


@pytest.mark.parametrize(
    "left",
    [
        replica(committed_point_id="p1", run=AdoptableRun(point_id="p1", fabric_id="f-old", defined=True)),
        replica(),
    ],
    ids=["committed", "points"],
)
def test_a_replica_that_an_earlier_direction_left_takes_no_role_from_the_present_one(vault, adopt, left):
    """The machine came home and went to another appliance of the site; the one that it left was away then."""
    source = AdoptableSource(epoch=3, fabric_id="f-m1", target_appliance_id="new-b", power="running")
    first = vault.enroll("a", "a-9")
    appliance = Appliance([found(replica=None, source=source)], said(), site="a")
    with Dialler(first, appliance.answers()):
        answer = vault.rest.post(f"/api/appliances/{first.id}/adopt", json={"other_site": "b"}).json()
    assert answer["machines"][0]["end"] == "adopted", answer
    before = record(vault)
    stale = Appliance([found(replica=left)], said())
    told = only(adopt(stale))
    assert (str(told.end), stale.adopted) == ("left", [])
    assert "earlier" in told.says[0]
    assert record(vault) == before


def test_a_source_under_a_new_appliance_takes_the_role(vault, adopt):
    adopt(Appliance([found(kept=kept())], said()))
    source = AdoptableSource(epoch=1, fabric_id="f-new", target_appliance_id=adopt.at.id, power="running")
    first = vault.enroll("a", "a-9")
    appliance = Appliance([found(replica=None, source=source)], said(), site="a")
    with Dialler(first, appliance.answers()):
        answer = vault.rest.post(f"/api/appliances/{first.id}/adopt", json={}).json()
    assert answer["machines"][0]["end"] == "completed"
    made = record(vault)
    assert (made.source_appliance_id, made.source_fabric_id) == (first.id, "f-new")
    assert made.target_appliance_id == adopt.at.id


def test_many_machines_come_in_portions(vault, adopt):
    names = {f"m{number:02}": f"web{number:02}" for number in range(25)}
    all_of_rome = [
        found(each, name, kept=kept(each, name, target_site="rome", policy="slow"))
        for each, name in names.items()
    ]
    slow = AdoptionPolicy(policy=PolicyShape(name="slow", retention_seconds=60))
    appliance = Appliance(
        all_of_rome, said(sites=(AdoptionSite(name="rome"),), policies=(slow,)), site="rome"
    )
    would = adopt(appliance, dry_run=True)
    assert (len(would.machines), would.following) == (25, None)
    first = adopt(appliance)
    assert (len(first.machines), first.following) == (20, "m19")
    second = adopt(appliance, after=first.following)
    assert (len(second.machines), second.following) == (5, None)
    last = record(vault, "m24")
    assert (last.target_site, last.policy) == ("b", "slow"), "a later portion knows less"
    assert vault.rest.get("/api/sites/rome").status_code == 404


def test_an_adopted_appliance_may_return_under_its_id_and_no_other_may_take_it(vault, adopt):
    adopt(Appliance([found(kept=kept())], said()))
    asked = {"name": "a-1", "csr_pem": request_for("a-1")[1], "appliance_id": GONE}
    for site, status in (("b", 403), ("a", 200), ("a", 403)):
        asked["key"] = vault.rest.post(f"/api/sites/{site}/registration-key").json()["key"]
        assert vault.rest.post("/api/enroll", json=asked).status_code == status
    assert eventually(lambda: vault.rest.get(f"/api/appliances/{GONE}").json())["name"] == "a-1"


def enrolls(vault, site, **asked):
    key = vault.rest.post(f"/api/sites/{site}/registration-key").json()["key"]
    asked = {"name": f"{site}-9", "csr_pem": request_for("x")[1], "key": key, **asked}
    return vault.rest.post("/api/enroll", json=asked)


@pytest.mark.parametrize(
    "name", ["unknown", "drvault", "localhost", GONE.upper(), f"{GONE}.", f"{GONE}\n", "a-1"]
)
def test_an_id_that_no_vault_has_made_enrolls_nobody(vault, name):
    vault.rest.post("/api/sites", json={"name": "c"})
    refused = enrolls(vault, "c", appliance_id=name)
    assert refused.status_code == 403, refused.text
    assert "that no vault gives out" in refused.json()["error"]["message"]


@pytest.mark.parametrize(
    "name", ["x\n$(id) --uri", "", " x", "--uri", "x" * 256, "x\u2028y", "x\x1b[2J", "x\u202egnp"]
)
def test_a_name_that_is_no_line_enrolls_nobody(vault, name):
    vault.rest.post("/api/sites", json={"name": "c"})
    assert enrolls(vault, "c", name=name).status_code == 422
    assert enrolls(vault, "c", name="Röm 1 (b&c)").status_code == 200


def of_nobody(vault, adopt, machine_id, site):
    """A machine is adopted of whose source nobody knows anything but the site."""
    told = only(adopt(Appliance([found(machine_id, machine_id, source_appliance_id=None)]), other_site=site))
    assert str(told.end) == "adopted", told
    return record(vault, machine_id).source_appliance_id


def replaces(vault, appliance_id):
    key = vault.rest.post(f"/api/appliances/{appliance_id}/registration-key", json={}).json()["key"]
    return vault.rest.post("/api/enroll", json={"name": "c-9", "csr_pem": request_for("x")[1], "key": key})


def test_who_takes_the_place_of_one_that_nobody_knows_gets_no_other_sites_machines(vault, adopt):
    at_c = of_nobody(vault, adopt, "m1", "c")
    at_d = of_nobody(vault, adopt, "m2", "d")
    assert at_c != at_d
    assert enrolls(vault, "c", appliance_id=at_c).status_code == 403
    assert replaces(vault, at_c).json()["appliance_id"] == at_c
    assert record(vault, "m2").source_appliance_id == at_d


def test_an_unknown_appliance_of_an_earlier_release_is_replaced_only_where_it_has_no_other_sites_machines(
    vault, adopt
):
    """That wrote the same id for all sites."""
    at_c = of_nobody(vault, adopt, "m1", "c")
    of_nobody(vault, adopt, "m2", "d")
    with vault.store.transaction() as tx:
        tx.appliances.put(dataclasses.replace(tx.appliances.find(at_c), id="unknown", name="lost"))
        for each in tx.machines.list():
            tx.machines.put(dataclasses.replace(each, source_appliance_id="unknown"))
    refused = replaces(vault, "unknown")
    assert refused.status_code == 403, refused.text
    assert "m2" in refused.json()["error"]["message"]
    with vault.store.transaction() as tx:
        tx.machines.put(dataclasses.replace(tx.machines.get("m2"), source_appliance_id="x"))
    assert replaces(vault, "unknown").json()["appliance_id"] == "unknown"


def test_it_takes_the_permission_to_configure_the_whole_vault(vault, adopt):
    token = vault.rest.post("/api/tokens", json={"name": "b", "roles": ["contributor"], "site": "b"}).json()
    asked = vault.rest.post(
        f"/api/appliances/{adopt.at.id}/adopt", json={}, headers={"Authorization": f"Bearer {token['token']}"}
    )
    assert asked.status_code == 403
