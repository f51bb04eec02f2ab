"""An appliance enrolls again under its own id: its key may be in other hands, its certificate has ended, or
its vault is gone and there is a new one. All that it knows of machines stays.

It needs a registration key that replaces the appliance or, at a new vault, one for its site. What the vault
answers is durable in one file before it takes the place of the old key, certificate and CA, so a crash leaves
either all old or, after the next start, all new ones."""

import contextlib
import json
from pathlib import Path

from cryptography import x509

from ...ground import durable, seams
from ...ground.certificates import signing_request
from ..shared import ApplianceConfig, State, forget_vault
from . import enrollment


def enroll_again(config: ApplianceConfig, vault_url: str, key: str, ca_fingerprint: str) -> ApplianceConfig:
    """Enroll again and return the appliance's new configuration. The caller has locked its home. Raises the
    same errors as `enrollment.enroll`."""
    from ...wire.rest.places import EnrollRequest

    key_pem = enrollment.new_key()
    csr_pem = signing_request(key_pem, config.name)
    request = EnrollRequest(key=key, name=config.name, csr_pem=csr_pem, appliance_id=config.appliance_id)
    answer = enrollment.answered(vault_url, request, ca_fingerprint)
    changed = config.model_copy(update={"control_url": answer.control_url, "site": answer.site})
    new = {
        "is_another_vault": not _trusts(config, answer.ca_pem),
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
    """Take over what a vault answered, if a crash interrupted that."""
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
    if new.get("is_another_vault", False):
        _forget_vault(config)
    durable.remove(_file(home))


def _trusts(config: ApplianceConfig, ca_pem: str) -> bool:
    """Whether the CA is one that this appliance trusts already, so that its vault is the same one."""
    try:
        known = x509.load_pem_x509_certificates(config.ca.read_bytes())
    except (OSError, ValueError):
        return False
    return any(each in known for each in x509.load_pem_x509_certificates(ca_pem.encode()))


def _forget_vault(config: ApplianceConfig) -> None:
    if config.state_file.exists():
        with contextlib.closing(State(config.state_file)) as state:
            forget_vault(state)


def _file(home: Path) -> Path:
    return home / "tls" / "next.json"
