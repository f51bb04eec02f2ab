"""A third site, c, beside a and b, and a machine that goes on to it."""

from secondsite.domain.lifecycle import Verb
from secondsite.domain.policies import ReplicationPolicy
from secondsite.vault.store import ApplianceRecord, SitePairRecord, SiteRecord
from tests.vault.support_appliances import B

C = "appliance-c"
TO_C = {"location": "alternate", "target_appliance": C}


def add_third_site(verbs):
    with verbs.store.transaction() as tx:
        tx.sites.add(SiteRecord("c", verbs.clock.now()))
        at_b = tx.appliances.find(B)
        hello = at_b.hello.model_copy(update={"appliance_id": C, "site": "c"})
        tx.appliances.put(
            ApplianceRecord(C, C, "c", verbs.clock.now(), verbs.clock.now(), connected=True, hello=hello)
        )
        tx.policies.put(ReplicationPolicy("default-failback"), read_only=True)
        for other in ("a", "b"):
            tx.pairs.put(SitePairRecord(other, "c", reverse_after_commit=False))
    verbs.appliances.never_had = {C}


def goes(verbs, *steps):
    """Verbs one after the other, each with its options; gives the machine."""
    for verb, options in steps:
        job = verbs.run(verb, **options)
        assert job.job.state == "succeeded", (verb, job.job.error)
    return verbs.machine()


def moves(verbs):
    return goes(verbs, (Verb.PLANNED_FAILOVER, {}), (Verb.COMMIT, {}))
