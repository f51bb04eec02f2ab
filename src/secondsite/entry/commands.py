"""The whole command line: `cli`, which only asks a vault, and the commands that work on a home of this host.

What these need of vault and appliance is loaded when they begin.
"""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from ..cli import output, risk
from ..cli.app import app as whole
from ..cli.app import run as run
from ..cli.nouns import appliance as appliance_noun
from ..cli.nouns import vault as vault_noun
from ..cli.nouns.access import person as person_noun
from ..cli.options import Json, refuse_secret, secret_in
from ..ground import durable
from ..ground.plural import counted
from ..ground.urls import bracketed
from . import (
    ca_commands,
    config_commands,
    join_commands,
    login_link,
    running,
    service_user,
    trash_commands,
)
from . import database_url as address
from .agents import commands as agent_commands
from .backup import commands as backup
from .running import (
    DEFAULT_APPLIANCE_HOME,
    DEFAULT_VAULT_HOME,
    ApplianceHome,
    FurtherStores,
    JournalBudget,
    KeyFile,
    VaultHome,
    size,
)


@vault_noun.app.command("init")
def vault_init(
    context: typer.Context,
    home: VaultHome = DEFAULT_VAULT_HOME,
    name: Annotated[str, typer.Option(help="Name of the vault.")] = "vault",
    host: Annotated[
        list[str] | None, typer.Option(help="Names and addresses that others reach it by.")
    ] = None,
    listen: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    rest_port: Annotated[int, typer.Option(help="Port of the REST API.")] = 8443,
    control_port: Annotated[int, typer.Option(help="Port that appliances dial.")] = 8444,
    database_url: Annotated[str | None, address.option("SQLAlchemy URL; an SQLite file by default.")] = None,
    database_url_file: address.DatabaseUrlFile = None,
    as_json: Json = False,
) -> None:
    """Make a new vault: database, certificate authority, the first access token."""
    from . import vault_main

    made = vault_main.init(
        home,
        tuple(host or ("127.0.0.1", "localhost")),
        address.chosen(context, database_url, database_url_file),
        name=name,
        rest_host=listen,
        rest_port=rest_port,
        control_host=listen,
        control_port=control_port,
    )
    client = home.absolute() / "client.json"
    _write_client(client, made.settings.names[0], rest_port, made.token_file, made.ca_file)
    if as_json:
        output.show_json({"home": str(home), "ca_fingerprint": made.ca_fingerprint, "client": str(client)})
        return
    vault_main.announce(made)
    print(f"next: {service_user.to_start('vault', home)}")
    print(f"      export SECONDSITE_CLIENT={client}")


def _write_client(path: Path, host: str, port: int, token_file: Path, ca_file: Path) -> None:
    content = {
        "url": f"https://{bracketed(host)}:{port}",
        "token_file": str(token_file.absolute()),
        "ca": str(ca_file.absolute()),
    }
    durable.write(path, json.dumps(content, indent=2) + "\n")


VaultAddress = Annotated[str, typer.Option(help="https://HOST:PORT of the vault.")]
Fingerprint = Annotated[str, typer.Option(help="The CA's fingerprint, shown with the key.")]
RegistrationKeyFile = Annotated[
    Path,
    typer.Option(
        envvar="SECONDSITE_REGISTRATION_KEY_FILE",
        help="File with the registration key of 'secondsite appliance create-registration-key'; '-': "
        "standard input. By default it is asked for, or read from standard input.",
    ),
]


@appliance_noun.app.command("enroll")
def appliance_enroll(
    vault: VaultAddress,
    fingerprint: Fingerprint,
    name: Annotated[str, typer.Option(help="Name of the appliance.")],
    uri: Annotated[
        str, typer.Option(help="libvirt: qemu:///system, qemu:///embed?root=DIR, ...; simulated: a folder.")
    ],
    key_file: RegistrationKeyFile = Path("-"),
    key: Annotated[
        str | None,
        typer.Option(
            hidden=True,
            callback=refuse_secret(
                "--key", "Give --key-file FILE, or type the key when you are asked for it."
            ),
        ),
    ] = None,
    home: ApplianceHome = DEFAULT_APPLIANCE_HOME,
    fabric: Annotated[
        str, typer.Option(help="Platform of the site: libvirt, simulated, or agent.")
    ] = "libvirt",
    view_kind: Annotated[
        str,
        typer.Option(help="libvirt: how machines that run are viewed: automatic, backup-job or filter."),
    ] = "automatic",
    listen: Annotated[str, typer.Option(help="HOST:PORT of the data port.")] = "0.0.0.0:9445",
    advertise: Annotated[
        list[str] | None, typer.Option(help="HOST:PORT that the other site reaches; repeat it.")
    ] = None,
    agents: Annotated[
        str | None,
        typer.Option(
            help="HOST:PORT, as 0.0.0.0:9446, at which the agents in machines register that are failed over "
            "to here from a site of machines with agents. Without it none may."
        ),
    ] = None,
    store: Annotated[
        Path | None, typer.Option(help="Folder for replicas; a file system of its own is best.")
    ] = None,
    further_store: FurtherStores = None,
    scratch: Annotated[Path | None, typer.Option(help="Folder for backup jobs' scratch space.")] = None,
    seed_folder: Annotated[
        list[Path] | None,
        typer.Option(
            help=(
                "Folder from which shipped disk copies (--seed) may be read; repeat it. Without it none are "
                "read."
            )
        ),
    ] = None,
    boot_folder: Annotated[
        list[Path] | None,
        typer.Option(
            help=(
                "Folder with kernels that machines boot instead of their disks; repeat it. Without it none "
                "are taken."
            )
        ),
    ] = None,
    scratch_budget: Annotated[int | None, size("Scratch space a machine may use: 4GiB.")] = None,
    inbox_budget: Annotated[int | None, size("Space for data that is not processed yet: 16GiB.")] = None,
    journal_budget: JournalBudget = None,
    slice_size: Annotated[int | None, size("How much one cycle copies of whole disks: 1GiB.")] = None,
    as_json: Json = False,
) -> None:
    """Make this appliance known to its vault, once."""
    from . import appliance_main

    assert key is None
    config = appliance_main.enroll(
        appliance_main.Enrollment(
            vault=vault,
            key=_registration_key(key_file),
            fingerprint=fingerprint,
            name=name,
            home=home,
            fabric=fabric,
            uri=uri,
            listen=listen,
            view_kind=view_kind,
            advertised=tuple(advertise or ()),
            agents=agents,
            store=store,
            further_stores=tuple(further_store or ()),
            scratch=scratch,
            seed_folders=tuple(seed_folder or ()),
            boot_folders=tuple(boot_folder or ()),
            scratch_budget_bytes=scratch_budget,
            inbox_budget_bytes=inbox_budget,
            journal_budget_bytes=journal_budget,
            slice_bytes=slice_size,
        )
    )
    if as_json:
        output.show_json(config)
    else:
        output.say(f"appliance {config.name} of site {config.site} is enrolled as {config.appliance_id}")
        output.say(f"next: {service_user.to_start('appliance', home)}")


@appliance_noun.app.command("enroll-again")
def appliance_enroll_again(
    vault: VaultAddress,
    fingerprint: Fingerprint,
    key_file: RegistrationKeyFile = Path("-"),
    home: ApplianceHome = DEFAULT_APPLIANCE_HOME,
    as_json: Json = False,
) -> None:
    """Give this appliance a new key and certificate under its own id; it must be stopped. What it knows
    stays. Needs a key of 'create-registration-key --replace'; at a new vault, after its own was lost, one
    of 'create-registration-key --site'."""
    from . import appliance_main

    config = appliance_main.enroll_again(home, vault, _registration_key(key_file), fingerprint)
    if as_json:
        output.show_json(config)
        return
    output.say(f"appliance {config.name} of site {config.site} has a new key; its old one is refused now")
    output.say(f"next: {service_user.to_start('appliance', home)}")


def _registration_key(file: Path) -> str:
    if str(file) == "-" and sys.stdin.isatty():
        return str(typer.prompt("registration key", hide_input=True, err=True))
    return secret_in(file, "registration key")


@appliance_noun.app.command("set-key")
def appliance_set_key(
    home: ApplianceHome = DEFAULT_APPLIANCE_HOME,
    source: Annotated[
        Path | None,
        typer.Option("--from", help="Your own key file, mode 0600; without it a random key is made."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Give this appliance the key that its replicas are encrypted with. It never leaves this host."""
    from . import appliance_main

    key = appliance_main.set_key(home, source)
    if as_json:
        output.show_json({"key_id": key.key_id, "file": str(key.path)})
        return
    output.say(f"key {key.key_id} is in {key.path}")
    output.say("Keep a copy in another place: without the key nobody can read what it encrypts.")
    output.say(
        "next: restart the appliance, then 'secondsite machine enable-protection MACHINE --source SITE "
        "--target SITE --encrypt'"
    )


@appliance_noun.app.command("change-key")
def appliance_change_key(
    home: ApplianceHome = DEFAULT_APPLIANCE_HOME,
    source: Annotated[
        Path | None,
        typer.Option("--from", help="The new key, mode 0600; without it a random key is made."),
    ] = None,
    encryption_key_file: KeyFile = None,
    as_json: Json = False,
) -> None:
    """Give all encrypted replicas of this appliance a new key; it must be stopped. No data is copied."""
    from . import appliance_main

    done = appliance_main.change_key(home, source, encryption_key_file)
    if as_json:
        output.show_json(
            {
                "key_id": done.key.key_id,
                "file": str(done.key.path),
                "former_key_id": done.former.key_id,
                "former_file": str(done.former_file),
                "replicas": done.replicas,
                "others": done.others,
            }
        )
        return
    replicas = counted(done.replicas, "replica")
    output.say(f"key {done.key.key_id} is in {done.key.path} and opens {replicas}")
    output.say(
        f"key {done.former.key_id} opens none of them any more; it is in {done.former_file}: delete it once "
        "no older backup of the store needs it"
    )
    for machine_id in done.others:
        output.say(f"left unchanged, encrypted with another key: the replica of {machine_id}")
    output.say("Keep a copy of the new key in another place; next: start the appliance")


@appliance_noun.app.command("decrypt")
@appliance_noun.app.command("unseal", hidden=True)  # manifests of earlier releases tell people to type this
def appliance_decrypt(
    source: Annotated[
        Path, typer.Argument(help="An encrypted file in the folder of a replica.", metavar="FILE")
    ],
    target: Annotated[Path, typer.Argument(help="The file to be made.", metavar="NEW")],
    encryption_key_file: Annotated[Path, typer.Option(help="The key that the replica is encrypted with.")],
) -> None:
    """Decrypt a file from the folder of an encrypted replica, such as its UEFI variables."""
    from . import appliance_main

    appliance_main.decrypt(source, target, encryption_key_file)
    output.say(f"{target} has the decrypted content of {source}")


@appliance_noun.app.command("start-anyway")
def appliance_start_anyway(
    machine: Annotated[str, typer.Argument(help="Name of the machine at this site.", metavar="MACHINE")],
    home: ApplianceHome = DEFAULT_APPLIANCE_HOME,
    yes: risk.Yes = False,
    encryption_key_file: KeyFile = None,
    as_json: Json = False,
) -> None:
    """Start the old copy of a failed-over machine at this site without a vault; the appliance must be
    stopped. As 'machine start-anyway': once, and two copies may run then."""
    from . import appliance_main

    risk.accept_two_copies(machine, yes)
    sentence = appliance_main.start_anyway(home, machine, encryption_key_file)
    if as_json:
        output.show_json({"machine": machine, "sentence": sentence})
        return
    output.say(f"{machine}: {sentence}")
    output.say("next: start the appliance, which reports the copy to the vault")


vault_noun.app.command("join")(join_commands.vault_join)
vault_noun.app.command("backup")(backup.vault_backup)
vault_noun.app.command("restore")(backup.vault_restore)
vault_noun.app.add_typer(ca_commands.app, name="ca")
appliance_noun.app.add_typer(trash_commands.app, name="trash")
appliance_noun.app.add_typer(agent_commands.app, name="agents")
whole.add_typer(config_commands.app, name="config")
vault_noun.app.command("run")(running.vault_run)
person_noun.app.command("login-link")(login_link.person_login_link)
vault_noun.app.command("approvals-off")(running.vault_approvals_off)
appliance_noun.app.command("run")(running.appliance_run)
