"""A site of this process with an appliance that a VaultInProcess enrolled."""

from rig.appliances import Site, identity
from secondsite.appliance.control import enrollment
from secondsite.ground.certificates import signing_request
from secondsite.wire.rest.places import EnrollRequest


def enrolled(vault, folder, name, key=None, **changes):
    """Site `name`, made if need be, in a folder of its own below this one; `changes` are settings of its
    appliance. `key`: another registration key than a new one of the site."""
    if vault.rest.get(f"/api/sites/{name}").status_code == 404:
        vault.facade.sites.create(name)
    home = folder / f"site-{name}" / "home"
    key_pem = enrollment.private_key(home)
    key = key or vault.facade.appliances.registration_key(name).key
    request = EnrollRequest(key=key, name=name, csr_pem=signing_request(key_pem, name))
    answer = vault.facade.appliances.enroll(request)
    values = {
        "appliance_id": answer.appliance_id, "control_url": answer.control_url, "peer_idle_seconds": 5,
        **changes
    }  # fmt: skip
    config = identity.settings(home.parent, name, **values)
    enrollment.keep(config, answer)
    return Site(home.parent, config)
