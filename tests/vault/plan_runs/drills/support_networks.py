"""Runs of plans' drills that have networks before their first step."""

from secondsite.domain.lifecycle import Verb
from secondsite.domain.plans.actions import Action
from tests.vault.plan_runs.support_plan_runs import until_asked

DIRECTORY = Action("Directory", "Start a copy of the directory server in the test network")


def asked_first(verbs, plan, **options):
    """The run, which waits for the person."""
    job_id = verbs.submit_plan(Verb.TEST_FAILOVER, plan(db={"before": (DIRECTORY,)}), **options)
    until_asked(verbs, job_id)
    return job_id


def made(verbs):
    """What the run, and no machine, was told to make and to leave."""
    return [(kind, machine) for _, kind, machine in verbs.appliances.given if machine is None]
