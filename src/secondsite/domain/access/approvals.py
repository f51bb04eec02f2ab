"""A second person's approval: which verbs wait for one, and who may give it. Pure.

What could be used to get round an approval is guarded with it: making another token, or switching approvals
off, needs the second person too.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations

from ...ground.units import DAY
from .. import errors
from ..lifecycle import Verb

VERBS = frozenset(
    {
        *(verb.value for verb in Verb),
        *("create_site", "delete_site", "limit_site", "set_verification", "change_pair"),
        *("create_pool", "update_pool", "delete_pool", "release_address", "adopt"),
        *("create_registration_key", "create_replacement_key", "delete_appliance"),
        *("drain_appliance", "resume_appliance"),
        *("map_network", "unmap_network", "create_policy", "update_policy", "delete_policy"),
        *("create_token", "rotate_token", "delete_token"),
        *("create_person", "change_person", "enable_person", "disable_person", "delete_person"),
        *("reset_password", "reset_second_factor", "change_log_in_settings"),
        *("create_provider", "change_provider", "delete_provider", "test_provider"),
        *("change_audit_settings", "change_approval_settings"),
        *("create_group", "update_group", "delete_group", "add_to_group", "remove_from_group"),
        *("create_plan", "update_plan", "delete_plan", "keep_plan_open"),
        *("create_drill_schedule", "update_drill_schedule", "delete_drill_schedule", "run_drill_schedule"),
        *("give_drill_pass", "end_drill_pass", "open_drill_way"),
        *("create_notice_target", "update_notice_target", "delete_notice_target", "test_notice_target"),
        *(
            "change_machine_settings",
            "change_machine_checks",
            "confirm_line",
            "take_back_line",
            "change_machine_hooks",
            "change_machine_properties",
            "change_machine_policy",
            "start_anyway",
            "hold_point",
            "release_point",
            "verify_point",
            "boot_point",
            "restore_copy",
            "list_files",
            "fetch_files",
            "send_files",
        ),
        *("cancel_job", "retry_job", "resume_job", "answer_job"),
    }
)
"""The verbs that can be made to need an approval, by the names of the API's routes; a test compares them."""
SETTINGS = "change_approval_settings"
ALWAYS = frozenset(
    {
        *("create_token", "rotate_token", SETTINGS),
        *("create_person", "change_person", "enable_person", "reset_password", "reset_second_factor"),
        *("change_log_in_settings", "create_provider", "change_provider"),
    }
)
"""Need an approval as soon as any verb does."""
WITH = {"update_policy": frozenset({"change_machine_policy"})}
"""Verbs that have the same effect as the guarded one: who may not shorten a policy's history could give the
machine a shorter policy."""
SECRET = frozenset(
    {
        *("create_token", "rotate_token", "create_registration_key", "create_replacement_key"),
        *("create_person", "reset_password", "open_drill_way", "list_files", "send_files"),
    }
)
"""Verbs whose answer is a secret, or a line, that only the asker may have: once granted, the asker repeats
the request."""
LASTS_SECONDS = DAY


class Stage(StrEnum):
    """The state of a request for approval."""

    ASKED = "asked"
    """It waits for a second person."""
    GRANTED = "granted"
    """It is carried out when the asker repeats it."""
    DONE = "done"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"


OPEN = frozenset({Stage.ASKED, Stage.GRANTED})


@dataclass(frozen=True, slots=True)
class Rules:
    """The approval setting: which verbs need one, and how long a request is kept, in seconds. Without verbs
    it is off."""

    verbs: tuple[str, ...] = ()
    lasts_seconds: float = LASTS_SECONDS

    def guard(self, verbs: Iterable[str]) -> bool:
        """Whether one of these verbs needs an approval."""
        return not self.guarded.isdisjoint(verbs)

    @property
    def guarded(self) -> frozenset[str]:
        """The verbs of the setting, and those that could be used to get round them."""
        if not self.verbs:
            return frozenset()
        return ALWAYS.union(self.verbs, *(WITH.get(verb, ()) for verb in self.verbs))


@dataclass(frozen=True, slots=True)
class Holder:
    """The token of a request or an approval, and its person. `shown_to` are the persons who saw one of its
    secrets when it was made."""

    token: str
    person: str
    shown_to: tuple[str, ...] = ()


def why_not(asker: Holder, approver: Holder) -> str:
    """Why the approver does not count as a second person for the asker; empty if they do."""
    if is_same_person(asker.person, approver.person):
        return f"Token '{approver.token}' belongs to {approver.person}, who asked."
    for token, other in ((approver, asker), (asker, approver)):
        if any(is_same_person(person, other.person) for person in token.shown_to):
            return f"Token '{token.token}' was made by {other.person}, who may have its secret."
    return ""


def require_second(asker: Holder, approver: Holder) -> None:
    """Raises Forbidden unless the approver counts as a second person for the asker."""
    why = why_not(asker, approver)
    if why:
        raise errors.Forbidden(
            f"A second person has to approve it. {why}",
            do="Let somebody else approve it, with a token that neither of the two made for the other.",
        )


def require_two(in_charge: Sequence[Holder]) -> None:
    """Raises NotPossibleNow unless two of these holders can approve each other's requests."""
    if not any(not why_not(one, other) for one, other in combinations(in_charge, 2)):
        raise errors.NotPossibleNow(
            "Nobody could approve anything, nor switch it off again: that takes two access administrators "
            "whose tokens do not expire, of two persons, neither made by the other.",
            do=(
                "Make one for each of two persons: 'secondsite token create NAME --role access_administrator "
                "--valid never'."
            ),
        )


def checked(verbs: Iterable[str]) -> tuple[str, ...]:
    """The verbs, sorted, each once. Raises InvalidArgument for a verb that cannot be guarded."""
    named = sorted(set(verbs))
    unknown = [verb for verb in named if verb not in VERBS]
    if unknown:
        raise errors.InvalidArgument(
            f"No such verb: {', '.join(unknown[:10])}.", do=f"There are: {', '.join(sorted(VERBS))}."
        )
    return tuple(named)


def is_same_person(one: str, other: str) -> bool:
    """Spelling makes no second person."""
    return " ".join(one.split()).casefold() == " ".join(other.split()).casefold()
