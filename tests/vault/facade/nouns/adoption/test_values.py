"""A dry run tells each value that an edited file in a store could have set."""

from datetime import UTC, datetime

import pytest

from secondsite.domain.bandwidth_schedule import BandwidthSchedule
from secondsite.domain.machines.hooks import HookMoment
from secondsite.domain.plans.actions import Action
from secondsite.domain.plans.plan import PlanGroup, PlanMachine, RecoveryPlan
from secondsite.jobs.storage import database
from secondsite.vault.facade.nouns.adoption import settings
from secondsite.vault.store import Store, migrate
from secondsite.wire.common.bandwidth import BandwidthShape
from secondsite.wire.common.cards import CardSettings
from secondsite.wire.common.hooks import MachineHook
from secondsite.wire.common.machine_checks import CheckKind, MachineCheck
from secondsite.wire.common.policies import PolicyShape
from secondsite.wire.common.properties import TargetProperties
from secondsite.wire.control.adopting import (
    AdoptableSite,
    AdoptionPolicy,
    AdoptionRecord,
    AdoptionSettings,
    AdoptionSite,
)

NOW = datetime(2026, 11, 20, tzinfo=UTC)
KEPT = AdoptionRecord(
    id="m1", name="web01", home_site="a", source_site="a", target_site="b", source_appliance_id="a1",
    target_appliance_id="b1", source_fabric_id="f", target_fabric_id="g", policy="gold", created_at=NOW,
)  # fmt: skip
MAC = "52:54:00:00:00:01"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"cards": (CardSettings(mac=MAC, network="dmz", address="10.2.0.5/24", dns_servers=("10.2.0.1",)),
            )},
            (MAC, "network dmz", "address 10.2.0.5/24", "dns servers 10.2.0.1"),
        ),
        ({"cards": (CardSettings(mac=MAC, names=("web.example",)),)}, (MAC, "DNS names web.example")),
        ({"cards": (CardSettings(mac=MAC, connected=False),)}, (MAC, "connected no")),
        (
            {"hooks": (MachineHook(name="evil", script="wipe.sh", moment=HookMoment.BEFORE_STOP),)},
            ("name evil", "script wipe.sh", "moment before_stop"),
        ),
        (
            {"checks": (MachineCheck(name="page", kind=CheckKind.HTTP, address="10.9.9.9",
            source="10.9.9.8/24"),)},
            ("name page", "address 10.9.9.9", "source 10.9.9.8/24"),
        ),
        ({"properties": TargetProperties(target_name="db01", vcpus=64)}, ("target name db01", "vcpus 64")),
    ],
)  # fmt: skip
def test_each_value_of_a_machine_is_told(changes, words):
    told = "; ".join(settings.of_machine(KEPT.model_copy(update=changes)))
    assert [word for word in words if word not in told] == []


def test_of_a_machine_of_which_nothing_was_set_nothing_is_told():
    assert list(settings.of_machine(KEPT)) == []


def test_rates_of_sites_values_of_policies_and_scripts_of_plans_are_told(tmp_path):
    url = f"sqlite:///{tmp_path / 'vault.db'}"
    migrate(url)
    store = Store(database.connect(url))
    member = PlanMachine("m1", "web01", "a", "b")
    plan = RecoveryPlan("shop", (PlanGroup((member,), after=(Action("dns", script="wipe.sh", guest="m1"),)),))
    slow = BandwidthShape.of(BandwidthSchedule(65536))
    found = AdoptableSite(
        site="b",
        vault=AdoptionSettings(
            sites=(AdoptionSite(name="c", bandwidth=slow),),
            policies=(AdoptionPolicy(policy=PolicyShape(name="gold", retention_seconds=60)),),
            plans=(plan,),
        ),
    )
    with store.transaction() as tx:
        told = list(settings.put(tx, found, settings.names(found, "b", "c"), NOW))
    assert told[0] == "site c, with bytes per second 65536"
    assert told[1] == "policy gold, with retention seconds 60"
    assert "script wipe.sh" in told[3]
    assert "guest m1" in told[3]
