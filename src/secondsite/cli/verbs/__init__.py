"""The verbs on machines, with dashes in their names. Each starts a job and follows it to its end.

instants      which instant to start from: --choice, --point, --at
confirming    what is told and asked before
second_copies which machines run and go on beside their copies
running       the end of each command: ask, begin the job, follow it
protection    enable, disable, reprotect, resynchronize, disks in and out
moving_replicas another host of the site takes a replica over
settling      disks of a committed machine to the site's own storage
failovers     drills, failovers, and what follows them
preflight     what would be in the way
appliances    which appliances could hold the replica
connecting    what lets somebody connect after a failover
returning     what a reprotect will send
predicted     predicted times, and what runs took
plans         the same for recovery plans
choices       what may be chosen to start from
properties    what a machine is to be like at its second site
verifying     what a site gives to copies that are booted to be looked at
"""

import typer

from . import connecting, failovers, moving_replicas, properties, protection, settling
from .appliances import appliances
from .preflight import preflight

VERBS = (
    protection.enable_protection,
    protection.disable_protection,
    failovers.test_failover,
    failovers.cleanup_test_failover,
    failovers.failover,
    failovers.planned_failover,
    failovers.change_recovery_point,
    failovers.commit,
    failovers.cancel_failover,
    protection.reprotect,
    protection.resynchronize,
    protection.include_disk,
    protection.exclude_disk,
    protection.update_names,
    settling.settle,
    moving_replicas.move_replica,
)


def register(app: typer.Typer) -> None:
    """Adds the verbs to the noun 'machine'."""
    for function in VERBS:
        app.command(function.__name__.replace("_", "-"))(function)
    app.command()(preflight)
    app.command()(appliances)
    app.command("connecting")(connecting.show)
    app.command()(connecting.confirm)
    app.command("set")(properties.change)
