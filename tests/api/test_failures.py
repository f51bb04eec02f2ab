"""Each error that a request can meet has its HTTP status; the others are named here."""

from secondsite.api.failures import STATUS
from secondsite.domain import errors

ENDS_A_JOB = {
    errors.AnsweredNegatively,
    errors.ChildrenFailed,
    errors.GivenUp,
    errors.JobNotSucceeded,
    errors.UndoFailed,
}
OF_A_CLIENT = {errors.VaultSlow, errors.VaultUnreachable}
OF_A_COMMAND = {errors.AuditBroken, errors.BackupDamaged}
"""Of the vault's own host."""
DEFECT = {errors.Internal}
OTHERS = ENDS_A_JOB | OF_A_CLIENT | OF_A_COMMAND | DEFECT


def test_every_error_that_an_appliance_or_the_vault_may_answer_a_request_with_has_its_status():
    every = {each for each in vars(errors).values() if _is_ours(each)} - {errors.SecondsiteError}
    assert {each for each in every if each.code not in STATUS} == OTHERS


def _is_ours(found):
    return isinstance(found, type) and issubclass(found, errors.SecondsiteError)
