"""secondsite policy ..."""

from collections.abc import Callable, Sequence
from typing import Annotated, Any, cast

import typer

from ...client.nouns.policies import PolicyValues
from ...domain.amounts import exact_span, span
from ...ground.plural import counted
from ...wire import rest
from ...wire.common.policies import DEFAULT
from .. import output, risk
from ..amount_options import minutes, seconds, whole_seconds
from ..amount_options import retention as retention_span
from ..former_words import Noun
from ..options import Json, connect

app = typer.Typer(
    cls=Noun,
    no_args_is_help=True,
    help="Replication policies: how often points are made, how long they stay.",
)
Name = Annotated[str, typer.Argument(help="Name of the policy.", metavar="POLICY", show_default=False)]
THRESHOLD = "An RPO above this is a finding."
RETENTION = "How long points stay; 0 keeps the latest alone."
CRASH = "From one point to the next."
APP = "From one app-consistent point to the next; 0: none."
CYCLE = "Between two cycles."
GOAL = "How long a drill or failover may take until the machine is proven to run; 0: no goal."
ENCRYPT = (
    "Encrypt the replicas of machines that are protected by it from now on, with the key of their target's "
    "appliance."
)
JOURNAL = "How far back any cycle can be recovered, not only points; 0: points only."


_KEEPS_ONE = (
    "Retention 0: machines under '{0}' keep the newest point only; older ones are deleted. What damages a "
    "machine is soon in that point, too."
)
_KEEPS_ONE_DO = "If that is not meant: 'secondsite policy update POLICY --retention 24h'."
NAMED = 10
"""How many machines are named; the others are counted."""
_ENCRYPT_DO = (
    "Protect each anew to encrypt it: 'secondsite machine disable-protection MACHINE', then 'secondsite "
    "machine enable-protection MACHINE --source SITE --target SITE --policy POLICY'."
)


def _span(what: str, default: float | None = None, parser: Callable[[str], float] = whole_seconds) -> Any:
    """An option that takes a span of time; `default` (seconds) is what the vault uses if the option is not
    given."""
    shown = False if default is None else exact_span(default)
    return typer.Option(parser=parser, help=what, metavar="SPAN", show_default=shown)


def _encrypts(policy: rest.Policy) -> str:
    if not policy.encrypt:
        return "no"
    plain = len(policy.not_encrypted)
    return f"yes, but not {counted(plain, 'machine')} of before" if plain else "yes"


COLUMNS: Sequence[output.Column] = (
    ("name", lambda p: p.name),
    ("RPO threshold", lambda p: span(p.rpo_threshold_seconds)),
    ("retention", lambda p: span(p.retention_seconds)),
    ("crash every", lambda p: span(p.crash_consistent_every_seconds)),
    (
        "app every",
        lambda p: span(p.app_consistent_every_seconds) if p.app_consistent_every_seconds else "off",
    ),
    ("cycle", lambda p: span(p.cycle_seconds)),
    ("journal", lambda p: span(p.journal_seconds) if p.journal_seconds else "off"),
    ("RTO goal", lambda p: span(p.rto_goal_seconds) if p.rto_goal_seconds else "none"),
    ("encrypts", _encrypts),
    ("machines", lambda p: p.used_by),
    ("", lambda p: "read-only" if p.read_only else ""),
)


@app.command("list")
def show_list(context: typer.Context, as_json: Json = False) -> None:
    """All policies."""
    with connect(context) as vault:
        policies = vault.policies.list()
    if as_json:
        output.show_json(policies)
        return
    output.show_table(policies, COLUMNS, "No policies: secondsite policy create NAME")


@app.command()
def show(context: typer.Context, name: Name, as_json: Json = False) -> None:
    """One policy."""
    with connect(context) as vault:
        found = vault.policies[name].show()
    if as_json:
        output.show_json(found)
    else:
        output.show_facts((label, value(found)) for label, value in COLUMNS)


@app.command()
def create(
    context: typer.Context,
    name: Name,
    rpo_threshold: Annotated[int | None, _span(THRESHOLD, DEFAULT.rpo_threshold_seconds, minutes)] = None,
    retention: Annotated[int | None, _span(RETENTION, DEFAULT.retention_seconds, retention_span)] = None,
    crash_consistent_every: Annotated[
        int | None, _span(CRASH, DEFAULT.crash_consistent_every_seconds)
    ] = None,
    app_consistent_every: Annotated[int | None, _span(APP, DEFAULT.app_consistent_every_seconds)] = None,
    cycle: Annotated[float | None, _span(CYCLE, DEFAULT.cycle_seconds, seconds)] = None,
    journal: Annotated[int | None, _span(JOURNAL, DEFAULT.journal_seconds)] = None,
    rto_goal: Annotated[int | None, _span(GOAL, DEFAULT.rto_goal_seconds, minutes)] = None,
    encrypt: Annotated[
        bool | None, typer.Option("--encrypt/--no-encrypt", help=ENCRYPT, show_default=False)
    ] = None,
    as_json: Json = False,
) -> None:
    """Create a policy."""
    values = _values(
        rpo_threshold_seconds=rpo_threshold, retention_seconds=retention,
        crash_consistent_every_seconds=crash_consistent_every,
        app_consistent_every_seconds=app_consistent_every, cycle_seconds=cycle, journal_seconds=journal,
        rto_goal_seconds=rto_goal,
        encrypt=encrypt,
    )  # fmt: skip
    with connect(context) as vault:
        made = vault.policies.create(name, **values)
    _said(made, "created", as_json)


@app.command()
def update(
    context: typer.Context,
    name: Name,
    rpo_threshold: Annotated[int | None, _span(THRESHOLD, parser=minutes)] = None,
    retention: Annotated[int | None, _span(RETENTION, parser=retention_span)] = None,
    crash_consistent_every: Annotated[int | None, _span(CRASH)] = None,
    app_consistent_every: Annotated[int | None, _span(APP)] = None,
    cycle: Annotated[float | None, _span(CYCLE, parser=seconds)] = None,
    journal: Annotated[int | None, _span(JOURNAL)] = None,
    rto_goal: Annotated[int | None, _span(GOAL, parser=minutes)] = None,
    encrypt: Annotated[
        bool | None, typer.Option("--encrypt/--no-encrypt", help=ENCRYPT, show_default=False)
    ] = None,
    as_json: Json = False,
) -> None:
    """Change a policy; values not given stay. The appliances of its machines are told. Replicas that are
    there already are not encrypted by it."""
    values = _values(
        rpo_threshold_seconds=rpo_threshold, retention_seconds=retention,
        crash_consistent_every_seconds=crash_consistent_every,
        app_consistent_every_seconds=app_consistent_every, cycle_seconds=cycle, journal_seconds=journal,
        rto_goal_seconds=rto_goal,
        encrypt=encrypt,
    )  # fmt: skip
    with connect(context) as vault:
        changed = vault.policies[name].update(**values)
    _said(changed, "updated", as_json)


@app.command()
def delete(context: typer.Context, name: Name, yes: risk.Yes = False, as_json: Json = False) -> None:
    """Delete a policy that no machine uses."""
    risk.accept_deletion("policy", name, yes)
    with connect(context) as vault:
        vault.policies[name].delete()
    output.show_deleted("policy", name, as_json)


def _values(**given: float | None) -> PolicyValues:
    """The values that were given."""
    return cast(PolicyValues, {name: value for name, value in given.items() if value is not None})


def _said(policy: rest.Policy, done: str, as_json: bool) -> None:
    if as_json:
        output.show_json(policy)
    else:
        output.say(f"policy {policy.name} {done}")
        if policy.retention_seconds == 0:
            output.show_note(policy, (_KEEPS_ONE.format(policy.name),), _KEEPS_ONE_DO, as_json)
        if policy.not_encrypted:
            output.show_note(policy, (_stay_plain(policy),), _ENCRYPT_DO, as_json)


def _stay_plain(policy: rest.Policy) -> str:
    names = ", ".join(policy.not_encrypted[:NAMED])
    more = len(policy.not_encrypted) - NAMED
    return (
        f"It encrypts only machines that are protected from now on. The replicas of these stay plain: {names}"
        f"{f' and {more} more' if more > 0 else ''}."
    )
