"""A machine that carries the mark of another protection than the one that is asked for."""

from ..domain import errors, shell

NAMESPACE = "https://secondsite.invalid/domain/1"
"""Of our mark, as libvirt keeps it."""


def refusal(name: str, tag: str) -> errors.NotOurs:
    """Says how the mark is taken off by hand."""
    remove = f"virsh metadata {shell.arguments(name, options=f'--uri {NAMESPACE} --config --remove')}"
    return errors.NotOurs(
        f"Machine '{name}' carries the mark of another protection, {tag}.",
        do="If another vault protects it, end that first. If that was forgotten with a restored database, "
        f"or it is a copy of a machine that another vault protects: '{remove}', with --live too if it runs.",
    )
