"""An appliance enrolls again under its own id: its key may be in other hands, or its certificate has ended. All that it knows stays.

A registration key that replaces it is needed. What the vault answers is durable in one file before it takes the place of the old
key, certificate and CA, so a crash leaves either all old or, after the next start, all new ones."""

import json
from pathlib import Path

from ...ground import durable, seams
from ..shared import ApplianceConfig
from . import enrollment
from .csr import signing_request


def enroll_again(config: ApplianceConfig, vault_url: str, key: str, ca_fingerprint: str) -> ApplianceConfig:
    """The appliance's configuration from now on. The caller has its home alone. Raises what `enrollment.enroll` raises."""
    from ...wire.rest.places import EnrollRequest

    key_pem = enrollment.new_key()
    csr_pem = signing_request(key_pem, config.name)
    request = EnrollRequest(key=key, name=config.name, csr_pem=csr_pem, appliance_id=config.appliance_id)
    answer = enrollment.answered(vault_url, request, ca_fingerprint)
    changed = config.model_copy(update={"control_url": answer.control_url})
    new = {
        "key": key_pem.decode(),
        "certificate": answer.certificate_pem,
        "ca": enrollment.alone(answer.ca_pem),
        "config": changed.model_dump_json(indent=2),
    }
    durable.write(_file(config.home), json.dumps(new))
    seams.reach("appliance.again.answered")
    finish(config.home)
    return changed


def finish(home: Path) -> None:
    """Take over what a vault answered, if a crash came in between."""
    try:
        new = json.loads(_file(home).read_text())
    except FileNotFoundError:
        return
    config = ApplianceConfig.model_validate_json(new["config"]).model_copy(update={"home": home})
    durable.write(config.key, new["key"])
    seams.reach("appliance.again.key-written")
    durable.write(config.certificate, new["certificate"], 0o644)
    durable.write(config.ca, new["ca"], 0o644)
    config.save()
    durable.remove(_file(home))


def _file(home: Path) -> Path:
    return home / "tls" / "next.json"
