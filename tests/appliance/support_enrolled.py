"""A whole vault in this process with appliances that it enrolled, each on a simulated fabric."""

from secondsite.appliance import enrol
from secondsite.appliance.appliance import Appliance
from secondsite.appliance.config import ApplianceConfig
from secondsite.appliance.csr import signing_request
from secondsite.fabrics import simulated
from secondsite.wire.places import EnrollRequest
from tests.appliance.support_sites import free_port


class Enrolled:
    """An appliance of a VaultInProcess; `start` and `stop` it at will."""

    def __init__(self, vault, folder, site, **changes):
        self.vault, self.folder = vault, folder / f"site-{site}"
        if vault.rest.get(f"/api/sites/{site}").status_code == 404:
            vault.facade.sites.create(site)
        home = self.folder / "home"
        key_pem = enrol._private_key(home)
        key = vault.facade.appliances.registration_key(site).key
        request = EnrollRequest(key=key, name=site, csr_pem=signing_request(key_pem, site))
        answer = vault.facade.appliances.enroll(request)
        values = {
            "appliance_id": answer.appliance_id, "name": site, "site": site, "home": home,
            "store": self.folder / "store", "scratch": self.folder / "scratch", "listen_host": "127.0.0.1",
            "listen_port": free_port(), "control_url": answer.control_url, "peer_idle_seconds": 5,
        }  # fmt: skip
        self.config = ApplianceConfig(**{**values, **changes})
        enrol._keep(self.config, answer)
        self.fabric = simulated.open_fabric(self.folder / "host")
        self.appliance = None

    @property
    def id(self):
        return self.config.appliance_id

    def start(self, **changes):
        self.config = self.config.model_copy(update=changes)
        self.appliance = Appliance(self.config, self.fabric)
        self.appliance.start()
        return self

    def stop(self):
        if self.appliance is not None:
            self.appliance.stop(10)
            self.appliance = None

    def end(self):
        self.stop()
        self.fabric.close()
        simulated.demolish(self.folder / "host")

    @property
    def connected(self):
        return self.appliance.control.connected.is_set()
