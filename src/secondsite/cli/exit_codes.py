"""What a script can tell from the exit code. Rendered into docs/reference/exit-codes.md."""

from enum import IntEnum

from ..domain import errors
from ..wire.common.base import Problem


class Exit(IntEnum):
    """0 done; the job's own end is 1 (failed), 8 (cancelled) or 9 (some machines failed)."""

    OK = 0
    JOB_FAILED = 1
    USAGE = 2
    NOT_FOUND = 3
    NOT_POSSIBLE_NOW = 4
    UNAUTHENTICATED = 5
    UNREACHABLE = 6
    DEADLINE = 7
    JOB_CANCELLED = 8
    PARTIAL = 9
    REFUSED = 10
    APPROVAL_NEEDED = 11
    INTERNAL = 70


BY_CODE: dict[str, Exit] = {
    "invalid-argument": Exit.USAGE,
    "not-found": Exit.NOT_FOUND,
    "already-exists": Exit.NOT_POSSIBLE_NOW,
    "not-possible-now": Exit.NOT_POSSIBLE_NOW,
    "stale-order": Exit.NOT_POSSIBLE_NOW,
    "unauthenticated": Exit.UNAUTHENTICATED,
    "second-factor-needed": Exit.UNAUTHENTICATED,
    "too-many-attempts": Exit.UNAUTHENTICATED,
    "forbidden": Exit.UNAUTHENTICATED,
    "registration-refused": Exit.UNAUTHENTICATED,
    "certificate-refused": Exit.UNAUTHENTICATED,
    "vault-unreachable": Exit.UNREACHABLE,
    "appliance-unreachable": Exit.UNREACHABLE,
    "peer-unreachable": Exit.UNREACHABLE,
    "store-unavailable": Exit.UNREACHABLE,
    "provider-unavailable": Exit.UNREACHABLE,
    "deadline-exceeded": Exit.DEADLINE,
    "vault-slow": Exit.DEADLINE,
    "approval-needed": Exit.APPROVAL_NEEDED,
    "internal": Exit.INTERNAL,
}

BY_JOB_STATE: dict[str, Exit] = {
    "succeeded": Exit.OK,
    "failed": Exit.JOB_FAILED,
    "cancelled": Exit.JOB_CANCELLED,
    "partially_succeeded": Exit.PARTIAL,
}


def of_error(error: errors.SecondsiteError) -> Exit:
    """The exit code of an error; errors without an exit code of their own count as refusals."""
    return BY_CODE.get(error.code, Exit.REFUSED)


def of_problem(problem: Problem | None) -> Exit:
    """The exit code of an answer that may tell a problem: the same with --json as without."""
    return Exit.OK if problem is None else of_error(problem.raised())


def render() -> str:
    """The markdown of docs/reference/exit-codes.md."""
    lines = [
        "# Exit codes of `secondsite`",
        "",
        "| code | meaning | errors and job states |",
        "| --- | --- | --- |",
    ]
    for code in Exit:
        causes = [c for c, e in BY_CODE.items() if e is code]
        causes += [f"job {s}" for s, e in BY_JOB_STATE.items() if e is code]
        meaning = code.name.lower().replace("_", " ")
        lines.append(f"| {code.value} | {meaning} | {', '.join(causes) or 'any other refusal'} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(render(), end="")
