"""The error for a machine that carries the mark of another protection."""

from ..domain import errors, shell

NAMESPACE = "https://secondsite.invalid/domain/1"
"""The XML namespace of our mark in libvirt's definitions."""


def refusal(name: str, tag: str) -> errors.NotOurs:
    """The error, which says how the mark is taken off by hand."""
    remove = f"virsh metadata {shell.arguments(name, options=f'--uri {NAMESPACE} --config --remove')}"
    return errors.NotOurs(
        f"Machine '{name}' carries the mark of another protection, {tag}.",
        do="If another vault protects it, end that first. If that was forgotten with a restored database, "
        f"or it is a copy of a machine that another vault protects: '{remove}', with --live too if it runs.",
    )
