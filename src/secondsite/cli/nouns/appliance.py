"""secondsite appliance ... (what a client may ask; 'enroll' and 'run' are added where processes start)."""

import shlex
from collections.abc import Iterable, Sequence
from typing import Annotated

import typer

from ...client import which_vault
from ...domain import errors
from ...domain.amounts import size
from ...ground.plural import counted
from ...wire.common.stores import DEFAULT, StoreSpace
from ...wire.rest.places import Appliance
from .. import follow, output, risk
from ..exit_codes import Exit
from ..former_words import Noun
from ..options import Access, Json, NoWait, connect
from ..output import clock

app = typer.Typer(
    cls=Noun, no_args_is_help=True, help="Appliances: our agents beside the sites' hypervisors."
)

Name = Annotated[
    str, typer.Argument(help="Name or id of the appliance.", metavar="APPLIANCE", show_default=False)
]


def stores(appliance: Appliance) -> str:
    """The appliance's stores, each with its free space, or with what is wrong with it."""
    known = appliance.stores or (StoreSpace(name=DEFAULT, free_bytes=appliance.store_free_bytes),)
    return "; ".join(_store(each) for each in known)


def _store(store: StoreSpace) -> str:
    if store.problem is not None:
        return f"{store.name}: {store.problem}"
    of = f" of {size(store.size_bytes)}" if store.size_bytes is not None else ""
    return f"{store.name} {size(store.free_bytes)} free{of}"


def memory(appliance: Appliance) -> str:
    """What memory its host has free for machines; '-' where none run."""
    has = appliance.capacity
    if has is None or not has.memory_bytes:
        return "-"
    return f"{size(has.free_bytes)} free of {size(has.memory_bytes)}"


def memory_of_all(appliances: Iterable[Appliance]) -> str | None:
    """What memory the hosts of these appliances have together; None if none says it, or no machine runs
    there. Two appliances on one host count once."""
    told = {each.host or each.id: each.capacity for each in appliances if each.capacity is not None}
    by_host = {host: has for host, has in told.items() if has.memory_bytes}
    if not by_host:
        return None
    hosts = by_host.values()
    free, whole = sum(each.free_bytes for each in hosts), sum(each.memory_bytes for each in hosts)
    return f"{size(free)} free of {size(whole)} at {counted(len(by_host), 'host')}"


def _processors(appliance: Appliance) -> str:
    has = appliance.capacity
    return "-" if has is None else f"{has.vcpus} {has.cpu_model or ''}".strip()


def _reaches(appliance: Appliance) -> str:
    return ", ".join(appliance.reaches) or "-"


def _networks(appliance: Appliance) -> str:
    return "-" if appliance.capacity is None else ", ".join(appliance.capacity.networks)


def _segment(appliance: Appliance) -> str:
    has = appliance.capacity.segment if appliance.capacity is not None else None
    if has is None:
        return "-"
    return f"{has.address}: {has.problem or f'packets of {has.mtu} bytes'}"


COLUMNS: Sequence[output.Column] = (
    ("name", lambda a: a.name),
    ("site", lambda a: a.site),
    (
        "connection",
        lambda a: ("connected" if a.connected else "away") + (", drained" if a.drained_at else ""),
    ),
    ("last seen", lambda a: clock(a.last_seen_at)[11:]),
    ("fabric", lambda a: a.fabric_kind),
    ("KVM", lambda a: {True: "yes", False: "no (TCG)", None: "-"}[a.accelerated]),
    ("data address", lambda a: ", ".join(a.data_addresses)),
    ("stores", stores),
    ("host", lambda a: a.host),
    ("memory", memory),
    ("certificate until", lambda a: clock(a.certificate_expires_at)[:10]),
    ("notes", lambda a: "; ".join(a.notes)),
)


@app.command("list")
def show_list(context: typer.Context, as_json: Json = False) -> None:
    """All appliances and whether they are connected."""
    with connect(context) as vault:
        appliances = vault.appliances.list()
    if as_json:
        output.show_json(appliances)
        return
    output.show_table(
        appliances,
        COLUMNS,
        "No appliances yet: secondsite appliance create-registration-key --site SITE",
    )


@app.command()
def show(context: typer.Context, name: Name, as_json: Json = False) -> None:
    """One appliance."""
    with connect(context) as vault:
        found = vault.appliances[name].show()
    if as_json:
        output.show_json(found)
        return
    shown = (
        *COLUMNS,
        ("processors", _processors),
        ("networks", _networks),
        ("drill segment", _segment),
        ("shares stores with", _reaches),
    )
    output.show_facts((("id", found.id), *((label, value(found)) for label, value in shown)))


@app.command()
def check(context: typer.Context, name: Name, as_json: Json = False) -> None:
    """Do machines start at its host? It tries that with a tiny one of its own, which it starts, views and
    removes. Ends with 4 if not."""
    with connect(context) as vault:
        found = vault.appliances[name].check()
    if as_json:
        output.show_json(found)
    else:
        for each in found.obstacles:
            kind = "in the way" if each.blocking else "warning"
            output.say(f"{kind} at {each.site}: {each.what} {each.do}")
        for sentence in found.tried:
            output.say(sentence)
        output.say(f"machines {'start' if found.ready else 'do not start'} at {found.appliance}")
    raise typer.Exit(Exit.OK if found.ready else Exit.NOT_POSSIBLE_NOW)


@app.command()
def create_registration_key(
    context: typer.Context,
    site: Annotated[
        str | None, typer.Option("--site", help="The site that a new appliance stands at.")
    ] = None,
    replaced: Annotated[
        str | None,
        typer.Option(
            "--replace",
            metavar="APPLIANCE",
            help=(
                "Name or id of an appliance that was stolen or lost, or whose key was: the one that enrolls "
                "takes its place, under its id."
            ),
        ),
    ] = None,
    refuse_now: Annotated[
        bool,
        typer.Option("--refuse-now", help="With --replace: refuse its present key from now on."),
    ] = False,
    as_json: Json = False,
) -> None:
    """Create a registration key: valid for an hour, for one appliance."""
    if (site is None) == (replaced is None) or (refuse_now and replaced is None):
        raise errors.InvalidArgument(
            "Which appliance is to be enrolled?",
            do="Give --site SITE for a new one, or --replace APPLIANCE (with --refuse-now, if you like).",
        )
    with connect(context) as vault:
        made = (
            vault.sites[site].create_registration_key()
            if site is not None
            else vault.appliances[replaced or ""].create_registration_key(refuse_now)
        )
    if as_json:
        output.show_json(made)
        return
    output.show_facts(
        (("key", made.key), ("valid until", clock(made.expires_at)), ("CA fingerprint", made.ca_fingerprint))
    )
    given = context.ensure_object(Access)
    url, seen = which_vault.find(given.url, "-", given.ca).url, made.ca_fingerprint
    if site is not None:
        output.say(
            f"next, at the site, as root: secondsite appliance enroll --vault {shlex.quote(url)} "
            f"--fingerprint {seen} --name {site}-1 --uri qemu:///system"
        )
    else:
        output.say(
            "next, where its home is still there, as root, once it is stopped: secondsite appliance "
            f"enroll-again --vault {shlex.quote(url)} --fingerprint {seen}"
        )
        output.say(
            f"or on new hardware: secondsite appliance enroll --vault {shlex.quote(url)} --fingerprint "
            f"{seen} --name {shlex.quote(str(replaced))} --uri qemu:///system"
        )
    output.say("(the key is asked for; '--help' tells of folders and addresses)")


@app.command()
def drain(context: typer.Context, name: Name, no_wait: NoWait = False, as_json: Json = False) -> None:
    """Place nothing new there, as before a maintenance of its host, and have other hosts take over what lies
    there in stores that they reach. The rest is replicated, and can be failed over, as before."""
    with connect(context) as vault:
        found = vault.appliances[name].drain()
        told = "nothing new is placed there until 'secondsite appliance resume APPLIANCE'"
        _show_drain(found, as_json, told)
        if as_json or found.job_id is None:
            for each in () if as_json else found.stays:
                output.say(f"stays: {each}")
            return
        raise typer.Exit(follow.to_its_end(vault, vault.jobs[found.job_id], no_wait, as_json))


@app.command()
def resume(context: typer.Context, name: Name, as_json: Json = False) -> None:
    """End a drain: new replicas are placed there again."""
    with connect(context) as vault:
        found = vault.appliances[name].resume()
    _show_drain(found, as_json, "new replicas are placed there again")


def _show_drain(found: Appliance, as_json: bool, said: str) -> None:
    if as_json:
        output.show_json(found)
    else:
        output.say(f"appliance {found.name}: {said}")


@app.command()
def delete(context: typer.Context, name: Name, yes: risk.Yes = False, as_json: Json = False) -> None:
    """Delete an appliance that no machine needs: the vault no longer lets it in."""
    risk.accept_deletion("appliance", name, yes)
    with connect(context) as vault:
        vault.appliances[name].delete()
    output.show_deleted("appliance", name, as_json)
