"""secondsite vault ... (what a client may ask; 'init' and 'run' are added where processes start)."""

from collections.abc import Mapping
from typing import Annotated

import typer

from ...domain.amounts import span
from ...domain.health import Health
from ...domain.lifecycle import State
from ...ground.plural import counted
from ...wire import rest
from ...wire.rest.validation import TO_BE_KNOWN, Validation
from .. import output
from ..exit_codes import Exit
from ..former_words import Noun
from ..options import Json, connect
from ..output import clock
from . import glance
from .adoption import adopt

app = typer.Typer(cls=Noun, no_args_is_help=True, help="The vault: the control plane.")
app.command("adopt")(adopt)
app.command("overview")(glance.overview)
app.command("follow")(glance.follow)


@app.command()
def summary(context: typer.Context, as_json: Json = False) -> None:
    """All machines under protection at a glance: by state, health and finding, the worst RPO, and the
    sites."""
    with connect(context) as vault:
        found = vault.summary()
    if as_json:
        output.show_json(found)
        return
    worst = found.worst_rpo_seconds
    output.show_facts(
        (
            ("machines", str(found.machines)),
            ("states", _counted(found.by_state)),
            ("health", _counted(found.by_health)),
            ("findings", _counted(found.findings)),
            ("worst RPO", None if worst is None else f"{span(worst)}, of {found.worst_rpo_machine}"),
            *((f"site {site.name}", _site(site)) for site in found.sites),
        )
    )


@app.command()
def validate(
    context: typer.Context,
    last: Annotated[
        bool,
        typer.Option("--last", help="What the last check found; the vault checks twice a day by itself."),
    ] = False,
    as_json: Json = False,
) -> None:
    """Check the whole configuration now: networks, appliances, stores, policies, plans and their scripts,
    schedules, and whether each machine could be failed over; and which step before a failover nobody has
    taken yet. Starts nothing. Ends with 4 if something is wrong that is more than a warning or such a
    step."""
    with connect(context) as vault:
        found = vault.validation(now=not last)
    if as_json:
        output.show_json(found)
    else:
        _show_validation(found)
    wrong = any(each.kind not in TO_BE_KNOWN for each in found.flaws)
    raise typer.Exit(Exit.NOT_POSSIBLE_NOW if wrong else Exit.OK)


def _show_validation(found: Validation) -> None:
    for each in found.flaws:
        output.say(f"{each.kind}: {each.about}: {each.what} {each.do} (since {clock(each.since)})")
    if found.checked_at is None:
        output.say("Nothing was checked yet: leave out --last.")
        return
    not_asked = f", {found.not_asked} not" if found.not_asked else ""
    output.say(
        f"{counted(len(found.flaws), 'thing')} to look at; checked at {clock(found.checked_at)}, "
        f"{counted(found.machines, 'machine')} asked about at their sites{not_asked}"
    )


def _counted(numbers: Mapping[State, int] | Mapping[Health, int] | Mapping[str, int]) -> str:
    return ", ".join(f"{number} {word}" for word, number in numbers.items())


def _site(site: rest.SiteSummary) -> str:
    return (
        f"{site.connected} of {counted(site.appliances, 'appliance')} connected, "
        f"{counted(site.sources, 'machine')} from it, {site.targets} to it"
    )


@app.command()
def show(context: typer.Context, as_json: Json = False) -> None:
    """What the vault knows of itself, with its CA's fingerprint."""
    with connect(context) as vault:
        info = vault.show()
    if as_json:
        output.show_json(info)
        return
    output.show_facts(
        (
            ("name", info.name),
            ("version", info.version),
            ("database", info.database),
            ("CA fingerprint", info.ca_fingerprint),
            ("sites", str(info.sites)),
            ("appliances", str(info.appliances)),
            ("machines", str(info.machines)),
            ("last backup", "-" if info.backup_at is None else output.clock(info.backup_at)),
            *((f"finding {each.code}", f"{each.what} {each.do}") for each in info.findings),
        )
    )
