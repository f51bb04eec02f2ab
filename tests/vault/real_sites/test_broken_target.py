"""A planned failover to a replica that takes no more: the machine is not shut down for what cannot
succeed."""

import os
from pathlib import Path

import pytest

from secondsite.domain.lifecycle import State, Verb
from tests.vault.real_sites.support_real_sites import opened
from tests.vault.support_appliances import B
from tests.vault.support_operations import folder_in_memory

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

NAME = "web"


@pytest.fixture
def protected():
    with folder_in_memory() as folder, opened(Path(folder), (NAME,)) as verbs:
        verbs.run(Verb.ENABLE_PROTECTION, NAME)
        yield verbs


def test_a_machine_runs_on_where_its_target_cannot_process_what_was_copied_ahead(protected):
    target = protected.appliances.sites[B]
    target.stop()
    (head,) = target.config.store.glob("replicas/*/disks/*/*.head.qcow2")
    os.truncate(head, 0)
    target.start()
    tree = protected.run(Verb.PLANNED_FAILOVER, NAME)
    assert tree.job.state == "failed"
    tasks = {task.key: str(task.state) for task in tree.tasks}
    assert tasks["pre_copy"] == "failed"
    assert tasks["shut_down"] == "cancelled"
    assert "cannot be processed at the target" in str(tree)
    assert protected.shown(NAME).state == State.PROTECTED
    assert [letter for letter, _ in protected.copies(NAME)] == ["a"]
