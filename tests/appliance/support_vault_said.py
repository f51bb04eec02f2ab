"""What a vault says of its machines for the rescue manifest."""

from secondsite.wire.common.policies import PolicyShape
from secondsite.wire.control.adopting import AdoptionPolicy, AdoptionRecord, AdoptionSettings, AdoptionSite
from secondsite.wire.control.rescue_manifest import KeepRescueManifest, RescuePlan

NOW = "2026-11-24T12:00:00Z"


def said(*machines, site="b", policy="quick", plans=("shop",)):
    """By a vault that knows these machines."""
    records = tuple(
        AdoptionRecord(
            id=each, name=f"name-{each}", home_site="a", source_site="a", target_site=site,
            source_appliance_id="1",
            target_appliance_id="2", source_fabric_id="3", target_fabric_id="4", policy=policy,
            created_at=NOW,
        )
        for each in machines
    )  # fmt: skip
    policies = (AdoptionPolicy(policy=PolicyShape(name=policy)),)
    kept = tuple(RescuePlan(name=name, groups=()) for name in plans)
    vault = (
        AdoptionSettings(sites=(AdoptionSite(name=site),), policies=policies)
        if machines
        else AdoptionSettings()
    )
    return KeepRescueManifest(site=site, plans=kept if machines else (), records=records, vault=vault)
