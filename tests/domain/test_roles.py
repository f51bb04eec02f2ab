"""Who may do what: the table, and what it says when somebody may not."""

import pytest

from secondsite.domain import errors
from secondsite.domain.access import roles
from secondsite.domain.access.roles import GIVES, NEEDS, OF_THE_WHOLE_VAULT, Grant, Permission, Role
from secondsite.domain.lifecycle import Verb

FAILOVERS = {
    Verb.TEST_FAILOVER, Verb.CLEANUP_TEST_FAILOVER, Verb.FAILOVER, Verb.PLANNED_FAILOVER,
    Verb.CHANGE_RECOVERY_POINT,
    Verb.COMMIT, Verb.CANCEL_FAILOVER, Verb.REPROTECT, Verb.RESYNCHRONIZE, Verb.UPDATE_NAMES, Verb.SETTLE,
    Verb.MOVE_REPLICA,
}  # fmt: skip


def test_every_verb_needs_something_and_an_operator_may_all_that_fails_over_and_nothing_else():
    assert set(NEEDS) == set(Verb)
    operator = Grant((Role.OPERATOR,))
    assert {verb for verb in Verb if operator.may(NEEDS[verb])} == FAILOVERS


def test_a_contributor_may_all_but_manage_access_and_an_access_administrator_nothing_of_the_machines():
    assert set(Permission) - GIVES[Role.CONTRIBUTOR] == {Permission.MANAGE_ACCESS}
    known = {Permission.ENTER, Permission.READ_AUDIT, Permission.MANAGE_ACCESS}
    assert GIVES[Role.ACCESS_ADMINISTRATOR] == known


def test_a_reader_changes_nothing():
    assert GIVES[Role.READER] == {Permission.ENTER, Permission.READ, Permission.READ_AUDIT}


@pytest.mark.parametrize("permission", sorted(OF_THE_WHOLE_VAULT))
def test_what_concerns_the_whole_vault_is_not_for_a_token_of_one_site(permission):
    everything = tuple(Role)
    assert Grant(everything).may(permission)
    assert not Grant(everything, "a").may(permission)


def test_several_roles_add_up_and_no_role_is_nothing():
    both = Grant((Role.READER, Role.ACCESS_ADMINISTRATOR))
    assert both.may(Permission.READ)
    assert both.may(Permission.MANAGE_ACCESS)
    assert not any(Grant(()).may(permission) for permission in Permission)


def test_a_token_of_a_site_sees_what_has_the_site_on_either_side():
    grant = Grant((Role.READER,), "a")
    assert grant.sees("a", "b")
    assert grant.sees("b", "a")
    assert not grant.sees("b", "c")
    assert not grant.sees()
    assert Grant((Role.READER,)).sees()


def test_a_refusal_says_who_what_is_missing_who_has_it_and_what_to_type():
    with pytest.raises(errors.Forbidden) as refused:
        roles.require(
            Grant((Role.OPERATOR,), "a"), "night-shift", Permission.PROTECT, "start disable_protection"
        )
    said = refused.value
    for word in ("night-shift", "operator of site a", "start disable_protection", "protect", "contributor"):
        assert word in said.message
    assert "secondsite token create NAME --role contributor" in said.do


@pytest.mark.parametrize(
    ("asked", "site"), [((), None), ((Role.ACCESS_ADMINISTRATOR,), "a"), (tuple(Role), "a")]
)
def test_a_grant_that_makes_no_sense_is_refused(asked, site):
    with pytest.raises(errors.InvalidArgument):
        roles.checked(asked, site)
