"""A vault with two simulated sites that is lost, and the vault that comes after it."""

import json
import shutil

from rig.eventually import eventually
from secondsite.appliance.control import enrollment, reenrollment
from secondsite.appliance.orders.rescue_manifest.former_vault import FORMER
from secondsite.domain.lifecycle import State
from secondsite.fabrics import simulated
from secondsite.rescue import CONFIGURATION, RECORD
from secondsite.wire import rest
from secondsite.wire.common.policies import PolicyShape
from secondsite.wire.rest.places import ReplacementKeyCreate
from secondsite.wire.rest.plans import PlanCreate
from tests.support.enrolled import enrolled
from tests.support.vault import VaultInProcess

QUICK = {
    "name": "quick", "crash_consistent_every_seconds": 1, "cycle_seconds": 0.2, "retention_seconds": 7200,
    "app_consistent_every_seconds": 0,
}  # fmt: skip


class World:
    """`vault` is the one of now; `sites` by name."""

    def __init__(self, folder):
        self.folder, self._made = folder, 0
        self.vault = self.new_vault()
        self.sites = {}

    def new_vault(self):
        self._made += 1
        self.vault = VaultInProcess(self.folder / f"vault-{self._made}" / "home")
        return self.vault

    def lose_vault(self):
        """For ever."""
        self.vault.close()
        shutil.rmtree(self.vault.home)

    def close(self):
        for site in self.sites.values():
            site.end()
        self.vault.close()

    def site(self, name, **changes):
        self.sites[name] = enrolled(self.vault, self.folder, name, **changes).start()
        self.wait_connected(name)
        return self.sites[name]

    def wait_connected(self, name):
        eventually(lambda: self.sites[name].connected)

    def lose_site(self, name):
        self.sites.pop(name).end()

    @property
    def facade(self):
        return self.vault.facade

    # -- what people do --------------------------------------------------------------------------------

    def furnish(self):
        """Two machines are protected from a to b, with settings, and a plan of both."""
        for name in ("a", "b"):
            self.site(name)
        self.facade.policies.create(PolicyShape(**QUICK))
        for name in ("web01", "db01"):
            self.sites["a"].make_machine(name)
        self.run("enable-protection", "web01", "db01", source_site="a", target_site="b", policy="quick")
        groups = [{"machines": ["db01"]}, {"machines": ["web01"]}]
        self.facade.plans.create(PlanCreate.model_validate({"name": "shop", "groups": groups}))

    def run(self, verb, *machines, fails=False, **arguments):
        """The jobs, once they have ended."""
        asked = self.vault.rest.post(f"/api/machines/{verb}", json={"machines": machines, **arguments})
        assert asked.status_code == 202, asked.text
        job = asked.json()["job_id"]
        found = eventually(lambda: self._ended(job), within_seconds=60)
        assert (found["state"] != "succeeded") == fails, found
        return found

    def _ended(self, job):
        found = self.vault.rest.get(f"/api/jobs/{job}").json()
        return found if found["state"] in ("succeeded", "failed", "cancelled") else None

    def machine(self, name="web01"):
        return rest.Machine.model_validate(self.vault.rest.get(f"/api/machines/{name}").json())

    def record(self, name="web01"):
        with self.vault.store.reading() as tx:
            return tx.machines.find(name)

    def kept(self, name="web01"):
        """Its vault has said of it what a new one must know."""
        return self.sites["b"].replica_folder(self.record(name).id) / RECORD

    def wait_kept(self):
        push = self.vault.running.keeping_push

        def look():
            push.wake()
            return all(self.kept(name).exists() for name in ("web01", "db01"))

        eventually(look, within_seconds=30)

    def enroll_again(self, name, monkeypatch):
        """The appliance of a lost vault, which has its home still, at the vault of now."""
        site, vault = self.sites[name], self.vault
        site.stop()
        if vault.rest.get(f"/api/sites/{name}").status_code == 404:
            vault.facade.sites.create(name)
        monkeypatch.setattr(
            enrollment, "answered", lambda _url, request, _print: vault.facade.appliances.enroll(request)
        )
        key = vault.facade.appliances.registration_key(name).key
        site.config = reenrollment.enroll_again(site.config, "https://vault", key, "print")
        site.start()
        self.wait_connected(name)

    def wait_told(self):
        """The new vault has told b what it knows of b's machines: nothing."""
        push, file = self.vault.running.keeping_push, self.sites["b"].config.store / CONFIGURATION

        def look():
            push.wake()
            return FORMER in json.loads(file.read_text())

        eventually(look, within_seconds=30)

    def replace_site(self, name):
        """New hardware, whose appliance takes the place of the one that is known by name only."""
        (lost,) = [each for each in self.facade.appliances.list(name) if each.last_seen_at is None]
        key = self.facade.appliances.replacement_key(lost.id, ReplacementKeyCreate()).key
        self.sites[name] = enrolled(self.vault, self.folder / "new", name, key).start()
        simulated.add_network(self.sites[name].root, "lan")
        self.wait_connected(name)

    def adopt(self, name="b", **asked):
        """All portions."""
        found = self.adopt_portion(name, **asked)
        machines = list(found.machines)
        while found.following is not None:
            found = self.adopt_portion(name, after=found.following, **asked)
            machines += found.machines
        return found.model_copy(update={"machines": tuple(machines)})

    def adopt_portion(self, name="b", **asked):
        answer = self.vault.rest.post(f"/api/appliances/{self.sites[name].appliance_id}/adopt", json=asked)
        assert answer.status_code == 200, answer.text
        return rest.Adoption.model_validate(answer.json())

    def wait_protected(self, name="web01"):
        eventually(lambda: self.machine(name).state is State.PROTECTED, within_seconds=30)


def ends(adoption):
    return {each.name: str(each.end) for each in adoption.machines}


def states(adoption):
    return {each.name: each.state and str(each.state) for each in adoption.machines}
