"""Errors that the vault, its clients and the fabrics raise, beside those of `secondsite.ground`.

An error crosses processes as its code, message and `do`; `from_wire` gives the same class again.
"""

from collections.abc import Sequence

from ..ground import problem
from ..ground.problem import Internal as Internal
from ..ground.problem import KeyMissing as KeyMissing
from ..ground.problem import KeyWrong as KeyWrong
from ..ground.problem import OldDiskAway as OldDiskAway
from ..ground.problem import PeerUnreachable as PeerUnreachable
from ..ground.problem import SecondsiteError as SecondsiteError
from ..ground.problem import SeedRefused as SeedRefused
from ..ground.problem import StoreFull as StoreFull

TRIED_AGAIN = "Replication tries again by itself; a job is to be retried."
"""What ends the advice of an error that cycles of replication meet as well as jobs."""


class InvalidArgument(SecondsiteError):
    """A value of the request is missing, malformed or out of range."""

    code = "invalid-argument"
    default_do = "Correct the argument; '--help' shows what is accepted."


class NotFound(SecondsiteError):
    """The machine, site, point or other object does not exist."""

    code = "not-found"
    default_do = "List what exists with 'secondsite <noun> list'."

    @classmethod
    def named(cls, noun: str, name: str, listed_by: str | None = None) -> "NotFound":
        """The error for a name. `listed_by` is the command that lists such things, if it is not 'NOUN
        list'."""
        command = listed_by or f"{noun} list"
        return cls(f"There is no {noun} '{name}'.", do=f"List them with 'secondsite {command}'.")


class AlreadyExists(SecondsiteError):
    """The name is taken."""

    code = "already-exists"
    default_do = "Choose another name."


class NotPossibleNow(SecondsiteError):
    """The lifecycle, or something in progress, does not allow the verb in this state."""

    code = "not-possible-now"

    @classmethod
    def verb(cls, verb: str, machine: str, state: str, allowed: Sequence[str]) -> "NotPossibleNow":
        possible = ", ".join(allowed) if allowed else "nothing until the running job ends"
        return cls(
            f"{verb} is not possible for machine '{machine}' in state {state}.",
            do=f"Possible now: {possible}.",
        )

    @classmethod
    def several(cls, verb: str, refused: str) -> "NotPossibleNow":
        """`refused`: the machines that hinder it, each with its state."""
        return cls(
            f"{verb} is not possible for some of these machines: {refused}.",
            do="Leave these out. 'secondsite machine show MACHINE' says what is possible for each.",
        )


class StaleOrder(SecondsiteError):
    """A later job has taken the machine, or the order is too old: what the job knew may no longer be true."""

    code = "stale-order"
    default_do = (
        "Look at the machine with 'secondsite machine show MACHINE', then start the verb again: a new job "
        "may act."
    )


class ChangedMeanwhile(SecondsiteError):
    """Somebody else changed it since the caller read it; nothing was written."""

    code = "changed-meanwhile"
    default_do = "Read it again, and decide on its present state."

    @classmethod
    def hold(cls, point: str, held: str | None) -> "ChangedMeanwhile":
        """`held`: the reason of the hold that it has now, None: it has none."""
        now = "is not held any more" if held is None else f"is held for another reason now: {held}"
        return cls(f"Recovery point '{point}' {now}.")


class KeyReused(SecondsiteError):
    """An idempotency key was used again, with a different request; nothing was done."""

    code = "idempotency-key-reused"
    default_do = "Use a new key for every new request; reuse it only to repeat the same one."


class Unauthenticated(SecondsiteError):
    """No token, or one that is not valid."""

    code = "unauthenticated"
    default_do = (
        "Give a valid access token: --token-file, SECONDSITE_TOKEN, or the file 'secondsite vault init' "
        "wrote."
    )


class SecondFactorNeeded(SecondsiteError):
    """Name and password, or the link, are right; a code of the second factor is missing, or wrong."""

    code = "second-factor-needed"
    default_do = "Give the code that your app shows now, or one of your recovery codes."


class TooManyAttempts(SecondsiteError):
    """Too many attempts to log in failed a short while ago, with this name or from this address."""

    code = "too-many-attempts"
    retry_after_seconds: float = 60.0
    """When the next attempt counts. Other processes see it only in the advice."""
    default_do = "Wait a minute, then try again; nobody is locked out for longer."


class ProviderUnavailable(SecondsiteError):
    """A provider of OpenID Connect cannot be reached, or says what no provider should."""

    code = "provider-unavailable"
    default_do = (
        "Whoever manages access asks it: 'secondsite provider test PROVIDER'. If it is gone, root at the "
        "vault's host lets people in: 'secondsite person login-link NAME'."
    )


class Forbidden(SecondsiteError):
    """The token is valid, but its roles or its scope do not allow this."""

    code = "forbidden"
    default_do = (
        "Ask an access administrator for a token with the role that is needed: 'secondsite token list' shows "
        "who has which."
    )


class ApprovalNeeded(SecondsiteError):
    """The verb waits for a second person's approval; nothing was done yet, the request is kept."""

    code = "approval-needed"
    number: int | None = None
    """The number of the request for approval. Other processes see it only in the message."""
    default_do = (
        "Another person looks at it with 'secondsite approval list', and grants it with 'secondsite approval "
        "grant NUMBER'."
    )


class AuditBroken(SecondsiteError):
    """The audit log differs from what was written: it was changed by other means than this program."""

    code = "audit-broken"
    default_do = (
        "Find out who can write the vault's database; what the log said is in its exports, and its digests "
        "are in the vault's log."
    )


class BackupDamaged(SecondsiteError):
    """The file is not a backup of a vault, or it was truncated or altered."""

    code = "backup-damaged"
    default_do = (
        "Restore an older one: 'secondsite vault backup --list' shows those in the folder of backups."
    )


class RequestTooLarge(SecondsiteError):
    """The request's body is larger than any that the vault takes."""

    code = "request-too-large"
    default_do = "Send less in one request: name fewer machines, for example."


class RequestTooSlow(SecondsiteError):
    """The request's body did not come in time."""

    code = "request-too-slow"
    default_do = "Send the whole request at once; look at the network between you and the vault."


class RegistrationRefused(SecondsiteError):
    """The registration key is unknown, used or expired."""

    code = "registration-refused"
    default_do = (
        "Make a new registration key with 'secondsite appliance create-registration-key --site SITE' and "
        "enroll again."
    )


class CertificateRefused(SecondsiteError):
    """The certificate was not issued by the vault's CA."""

    code = "certificate-refused"
    default_do = "Compare the CA's fingerprint with 'secondsite vault show'; enroll the appliance again."


class ChildrenFailed(SecondsiteError):
    """Not all of the jobs that a job started succeeded."""

    code = "children-failed"


class AnsweredNegatively(SecondsiteError):
    """A person answered a job's question in a way that ends it."""

    code = "answered-negatively"


class UndoFailed(SecondsiteError):
    """Not everything that a job did before it failed could be undone."""

    code = "undo-failed"


class DefinitionChanged(SecondsiteError):
    """The program's steps for a job differ from those that the job began with."""

    code = "definition-changed"


class GivenUp(SecondsiteError):
    """A person gave the job up in the middle."""

    code = "given-up"


class PrerequisiteFailed(SecondsiteError):
    """The Prerequisites check found reasons not to start."""

    code = "prerequisite-failed"


class ApplianceUnreachable(SecondsiteError):
    """The appliance has no connection to the vault."""

    code = "appliance-unreachable"
    default_do = "Check that the appliance runs and can dial the vault: 'secondsite appliance list'."


class VaultUnreachable(SecondsiteError):
    """The vault cannot be reached by a client."""

    code = "vault-unreachable"
    default_do = (
        "Check that the vault runs at its host ('systemctl status secondsite-vault'), and that --url is "
        "right. "
        "Replication goes on without it. If it is lost, restore it, or start machines from the second site's "
        "store: "
        "'./secondsite-rescue list' there."
    )


class VaultSlow(SecondsiteError):
    """The vault was reached, but did not answer a client in time."""

    code = "vault-slow"
    default_do = (
        "It runs, and may still be doing what it was asked: look with 'secondsite job list' and 'secondsite "
        "appliance list', then ask again."
    )


class DeadlineExceeded(SecondsiteError):
    """Something did not answer in time."""

    code = "deadline-exceeded"
    default_do = f"See which process is slow or gone with 'secondsite appliance list'. {TRIED_AGAIN}"


class JobNotSucceeded(SecondsiteError):
    """A job that somebody waited for failed, was cancelled, or succeeded for some machines only."""

    code = "job-not-succeeded"
    default_do = "Look at its tasks with 'secondsite job show JOB': it says what to do."


class Conflict(SecondsiteError):
    """Another writer changed the same record first; nothing was written."""

    code = "conflict"
    default_do = "Look at the record again and repeat the request."


class StoreUnavailable(SecondsiteError):
    """The vault's database does not answer; nothing was written."""

    code = "store-unavailable"
    default_do = "Check that the vault's database runs and has space, then repeat the request."


class FabricError(SecondsiteError):
    """The hypervisor refused or failed."""

    code = "fabric-error"
    default_do = f"Look at the hypervisor's own log for this machine. {TRIED_AGAIN}"


class MachineAway(FabricError):
    """What answers for a machine at its site does not, and comes back by itself: orders that can wait do."""

    code = "machine-away"
    default_do = "Wait until it answers; it is tried again by itself."


class UnsafeToView(SecondsiteError):
    """Opening a frozen view of the running machine could crash it, so none is opened."""

    code = "unsafe-to-view"


class NotOurs(FabricError):
    """A domain, disk or network that does not carry the product's tag."""

    code = "not-ours"
    default_do = (
        "Rename or remove the foreign object, or let the machine have another name there: 'secondsite "
        "machine set MACHINE --target-name NAME'."
    )


class ScratchExhausted(SecondsiteError):
    """Scratch space was full or about to be; the view was given up before it disturbed the guest."""

    code = "scratch-exhausted"
    default_do = "Give the appliance more scratch space or a faster link; replication goes on by itself."


class ReplicaError(SecondsiteError):
    """The replica is not consistent or cannot be used."""

    code = "replica-error"
    default_do = "Start 'secondsite machine resynchronize MACHINE'; older recovery points stay usable."


class PointDamaged(ReplicaError):
    """The data of a recovery point is not what was sealed."""

    code = "point-damaged"
    default_do = (
        "Choose another point with 'secondsite point list MACHINE'. Replication makes new points whole by "
        "comparing all blocks with the source, by itself."
    )


def by_code() -> dict[str, type[SecondsiteError]]:
    """The error classes by their code; a class without a code of its own reaches other processes as its
    parent."""
    return problem.by_code(globals())


def from_wire(code: str, message: str, do: str) -> SecondsiteError:
    """The error as the other process raised it; an unknown code becomes Internal, with its message and
    `do`."""
    return by_code().get(code, Internal)(message, do=do)
