"""What enrolment gives an appliance, without a vault: its settings, and a certificate of a CA of the rig's
own."""

from pathlib import Path
from typing import Any

import trustme

from rig import processes
from secondsite.appliance.shared.config import ApplianceConfig


def settings(folder: Path, name: str, **changes: Any) -> ApplianceConfig:
    """Of the appliance of site `name`, all of it in this folder, with a data port on loopback."""
    values: dict[str, Any] = {
        "appliance_id": f"appliance-{name}", "name": name, "site": name, "home": folder / "home",
        "store": folder / "store", "scratch": folder / "scratch", "listen_host": "127.0.0.1",
        "listen_port": processes.free_port(),
    }  # fmt: skip
    return ApplianceConfig(**{**values, **changes})


def issue(ca: trustme.CA, config: ApplianceConfig) -> None:
    """Key, certificate and CA in the appliance's home."""
    config.ca.parent.mkdir(parents=True, exist_ok=True)
    issued = ca.issue_cert(f"{config.name}.test", common_name=config.appliance_id)
    ca.cert_pem.write_to_path(str(config.ca))
    issued.private_key_pem.write_to_path(str(config.key))
    config.certificate.write_bytes(b"".join(pem.bytes() for pem in issued.cert_chain_pems))
