"""A vault with five machines in a plan of three groups."""

import pytest

from secondsite.domain.plans.plan import PlanGroup, PlanMachine, RecoveryPlan
from tests.vault.support_operations import Verbs, folder_in_memory

NAMES = ("db01", "db02", "app01", "web01", "web02")


@pytest.fixture
def verbs():
    with folder_in_memory() as folder:
        verbs = Verbs(folder, NAMES)
        yield verbs
        verbs.close()


@pytest.fixture
def plan(verbs):
    """Of machines that are protected; `plan(db=..., web=...)` gives the groups actions."""
    verbs.protect(*NAMES)

    def made(**actions):
        groups = (("db", NAMES[:2]), ("app", NAMES[2:3]), ("web", NAMES[3:]))
        return RecoveryPlan(
            "shop", tuple(PlanGroup(members(verbs, names), **actions.get(word, {})) for word, names in groups)
        )

    return made


def members(verbs, names):
    found = (verbs.machine(name) for name in names)
    return tuple(PlanMachine(each.id, each.name, each.source_site, each.target_site) for each in found)
