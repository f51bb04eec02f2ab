"""How a person starts a machine at its site, or shuts it down there: by its hypervisor, or at the machine
itself. Pure; parts of sentences, in brackets."""

from . import shell


def shut_down(name: str, *, hypervisor: bool = True) -> str:
    if hypervisor:
        return f"('virsh shutdown {shell.arguments(name)}')"
    return "(in it: 'systemctl poweroff')"


def start(fabric_id: str, *, hypervisor: bool = True) -> str:
    if hypervisor:
        return (
            f"as any machine of that site ('virsh start {shell.arguments(fabric_id)}', with the URI of its "
            "appliance's hypervisor)"
        )
    return "by switching it on where it stands"
