"""An appliance that says what it has of a vault that is gone, as a test wants it."""

from secondsite.wire import rest
from secondsite.wire.common.policies import PolicyShape
from secondsite.wire.control.adopting import (
    AdoptableMachine,
    AdoptableReplica,
    AdoptableSite,
    AdoptionAppliance,
    AdoptionPolicy,
    AdoptionRecord,
    AdoptionSettings,
    AdoptionSite,
)
from secondsite.wire.control.orders import Kind
from tests.support.vault import NOW, Dialler, definition

OLD = {
    "problem": {
        "code": "invalid-argument",
        "message": "This appliance does not know the order.",
        "do": "Upgrade.",
    }
}
GONE = "90e" + 29 * "0"
"""The id of an appliance that is away."""
MAC = "52:54:00:00:00:01"
QUICK = PolicyShape(name="quick", retention_seconds=7200)


def replica(**changes):
    return AdoptableReplica(**{"epoch": 1, "opened": True, "points": 3, "newest_at": NOW, **changes})


def found(machine_id="m1", name="web01", **changes):
    values = {
        "id": machine_id, "name": name, "definition": definition(f"f-{machine_id}", name), "disks": ("vda",),
        "policy": QUICK, "source_appliance_id": GONE, "replica": replica(), "generation": 7,
        "drill_generation": 2,
    }  # fmt: skip
    return AdoptableMachine(**{**values, **changes})


def kept(machine_id="m1", name="web01", **changes):
    values = {
        "id": machine_id, "name": name, "home_site": "a", "source_site": "a", "target_site": "b",
        "source_appliance_id": GONE, "target_appliance_id": "was-b", "source_fabric_id": f"f-{machine_id}",
        "target_fabric_id": f"t-{machine_id}", "policy": "quick", "created_at": NOW,
    }  # fmt: skip
    return AdoptionRecord(**{**values, **changes})


def said(*records, **changes):
    """What the former vault said, with these machines."""
    values = {
        "sites": (AdoptionSite(name="a"), AdoptionSite(name="b")),
        "appliances": (AdoptionAppliance(id=GONE, name="a-1", site="a"),),
        "policies": (AdoptionPolicy(policy=QUICK),),
    }  # fmt: skip
    return AdoptionSettings(**{**values, **changes})


class Appliance:
    """Answers as an appliance that has `machines`; `adopted` are the orders that it took."""

    def __init__(self, machines, vault=None, site="b"):
        self.machines = {each.id: each for each in machines}
        self.vault, self.site, self.adopted = vault, site, []
        self.refuses: tuple[str, ...] = ()

    def answers(self):
        told = {
            kind: lambda order: {"sentence": "ok"} for kind in (Kind.SET_SITE, Kind.UPDATE_POLICY, Kind.KEEP)
        }
        return {**told, Kind.SHOW_KEPT: self._show, Kind.ADOPT: self._adopt}

    def _show(self, order):
        after, most = order.payload.get("after", ""), order.payload["most"]
        following = [self.machines[each] for each in sorted(self.machines) if each > after]
        first = {"site": self.site, "said_at": NOW, "vault": self.vault}
        answer = AdoptableSite(**first, machines=tuple(following[:most]), more=len(following) > most)
        return {"sentence": "ok", "facts": answer.model_dump(mode="json")}

    def _adopt(self, order):
        self.adopted.append(order)
        if order.machine_id in self.refuses:
            return {
                "problem": {"code": "replica-error", "message": "Its record is damaged.", "do": "Look at it."}
            }
        machine = self.machines[order.machine_id].model_copy(update={"generation": order.generation})
        self.machines[order.machine_id] = machine
        return {"sentence": "ok", "facts": {"machine": machine.model_dump(mode="json")}}


class Adopting:
    """`at`: the identity of the appliance of site b."""

    def __init__(self, vault, at):
        self._vault, self.at = vault, at

    def __call__(self, appliance, **asked):
        with Dialler(self.at, appliance.answers()):
            answer = self._vault.rest.post(f"/api/appliances/{self.at.id}/adopt", json=asked)
            assert answer.status_code == 200, answer.text
            return rest.Adoption.model_validate(answer.json())


def record(vault, machine_id="m1"):
    with vault.store.reading() as tx:
        return tx.machines.by_id(machine_id)


def only(adoption):
    (machine,) = adoption.machines
    return machine
