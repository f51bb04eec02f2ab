"""The shapes of the REST API agree with what they show, and with each other."""

import typing
from typing import cast

from secondsite.domain.bandwidth_schedule import DAYS
from secondsite.domain.lifecycle import Verb
from secondsite.domain.policies import ReplicationPolicy
from secondsite.vault import operations
from secondsite.vault.steps.batch import BATCH
from secondsite.vault.steps.deps import Deps
from secondsite.wire import rest
from secondsite.wire.common import bandwidth
from secondsite.wire.common.policies import PolicyShape


def test_every_kind_of_job_has_a_verb():
    names = {definition.name for definition in operations.definitions(cast(Deps, None))} - {BATCH}
    assert names <= {*Verb, *rest.OtherJobKind}


def test_a_policys_shape_has_its_fields_and_defaults():
    policy = ReplicationPolicy("p")
    assert PolicyShape(name="p").to_domain() == policy
    assert PolicyShape.of(policy) == PolicyShape(name="p")


def test_a_window_knows_the_days_of_the_domain():
    assert typing.get_args(bandwidth.Day) == DAYS
