"""The Python client of the vault's REST API: what the command line uses, and any script may.

        vault.machines["web01"].failover(choice="latest").wait()

Calls take and give the shapes of `wire.rest`; sizes are in bytes, spans in seconds, instants are aware UTC.
What goes wrong is raised as one of `errors`: with a code, what happened, and what to do. Names:

    vault        Vault, from which everything else is reached
    which_vault  finds the vault: arguments, environment, the file of `vault init`
    logging_in   a command line logs in
    login_file   the login of a person at a host
    keyring      the person's keyring, if the host has one
    following    server-sent events, across restarts of the vault
    validation_messages  words for values that no shape accepts
    lines        a line to a drill's machine, through the vault
    connection   one kept HTTPS connection: shapes in, shapes out, errors raised
    nouns/       what a vault has, one file each
    documents/   what is configured, as documents in YAML: compared and applied
"""

from ..domain import errors
from .connection import Connection
from .nouns.jobs import JobHandle
from .nouns.machines import MachineHandle
from .vault import Vault, connect

__all__ = ["Connection", "JobHandle", "MachineHandle", "Vault", "connect", "errors"]
