"""All that a vault keeps is kept beside its machines for the next one, or `vault adopt` says that it is
not there, with the command that sets it again."""

from secondsite.vault.facade.nouns.adoption import advice
from secondsite.vault.store.sql.columns import metadata

ADOPTED = frozenset(
    {
        "appliances", "groups", "machine_checks", "machine_hooks", "machine_properties", "machine_settings",
        "machines", "network_mappings", "plans",
        "policies", "sites",
    }
)  # fmt: skip
TOLD_BY_APPLIANCES = frozenset(
    {"machine_figures", "machine_points", "machine_statuses", "site_inventories", "validations"}
)
ITS_OWN = frozenset(
    {
        "answers", "appliance_keys", "appliance_links", "appliance_trusts", "key_challenges",
        "lineage", "lived", "login_requests", "passed_orders", "provider_logins", "registration_keys",
        "sessions", "vault_processes",
    }
)  # fmt: skip
"""Of this vault alone."""
SET_AGAIN = {
    "tokens": "secondsite token create",
    "people": "secondsite person create",
    "providers": "secondsite provider create",
    "log_in_rules": "secondsite person require-second-factor",
    "weekly_reports": "weekly reports",
    "notice_targets": "secondsite notice set",
    "drill_schedules": "secondsite drill schedule set",
    "approval_rules": "secondsite approval require",
    "address_pools": "secondsite pool create",
    "pool_addresses": "secondsite pool create",
    "site_pairs": "secondsite site pair",
    "held_checks": "secondsite plan set",
    "machine_confirmations": "secondsite machine connecting",
}
HISTORY = {
    "approvals": "Past jobs", "audit": "audit log", "audit_ends": "audit log",
    "drill_notes": "notes of test failovers",
    "evidence": "evidence", "evidence_pictures": "evidence", "job_pictures": "Past jobs",
    "notice_claims": "notices",
    "notice_deliveries": "notices", "notice_marks": "notices", "notices": "notices", "rpo_blocks": "the RPO",
    "run_times": "evidence",
}  # fmt: skip
JOBS = frozenset({"children", "jobs", "tasks"})


def test_of_each_table_it_is_known_what_becomes_of_it():
    known = ADOPTED | TOLD_BY_APPLIANCES | ITS_OWN | SET_AGAIN.keys() | HISTORY.keys()
    assert set(metadata.tables) - JOBS == known, "say in LOST what 'vault adopt' does not bring"


def test_what_is_to_be_set_again_is_said_with_its_command():
    said = " ".join(advice.LOST)
    for table, words in {**SET_AGAIN, **HISTORY}.items():
        assert words in said, table
    assert "secondsite site verify" in said, "a site is adopted without it"
    assert "those of the former vault do not go on" in said
