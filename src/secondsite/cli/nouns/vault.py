"""secondsite vault ... (what a client may ask; 'init' and 'run' are added where processes start)."""

from collections.abc import Mapping

import typer

from ...domain.amounts import span
from ...domain.health import Health
from ...domain.lifecycle import State
from ...ground.plural import counted
from ...wire import rest
from .. import output
from ..former_words import Noun
from ..options import Json, connect
from .adoption import adopt

app = typer.Typer(cls=Noun, no_args_is_help=True, help="The vault: the control plane.")
app.command("adopt")(adopt)


@app.command()
def summary(context: typer.Context, as_json: Json = False) -> None:
    """All machines under protection at a glance: by state, health and finding, the worst RPO, and the sites."""
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
        )
    )
