"""Two people make a thing of one name at two vault processes at the same time: one has made it, the other
one is told that it is there."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from secondsite.domain import errors
from tests.support import policies

pytestmark = [pytest.mark.every, pytest.mark.slow, pytest.mark.longest, pytest.mark.timeout(240)]
TIMES = 15


@pytest.fixture
def vaults(several):
    several.open()
    return several


def policy(vault, name):
    vault.policies.create(**policies.quick(name=name).model_dump())


def group(vault, name):
    vault.groups.create(name, "a", "b")


def site(vault, name):
    vault.sites.create(name)


def token(vault, name):
    vault.tokens.create(name, "reader")


def outcome(vaults, at, make, name, begin):
    with vaults.client(at) as vault:
        vault.sites.list()  # it is connected
        begin.wait(30)
        try:
            make(vault, name)
        except errors.SecondsiteError as error:
            return error.code
    return "made"


@pytest.mark.parametrize("make", [policy, group, site, token])
def test_of_two_who_make_the_same_at_once_one_has_made_it(vaults, make):
    for number in range(TIMES):
        begin = threading.Barrier(2)
        with ThreadPoolExecutor(2) as people:
            asked = [
                people.submit(outcome, vaults, at, make, f"new{number}", begin) for at in ("first", "second")
            ]
            told = Counter(each.result(60) for each in asked)
        assert told == {"made": 1, "already-exists": 1}, number
