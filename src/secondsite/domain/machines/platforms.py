"""Platforms between which machines are replicated: the kinds of sites (S-002)."""

from .. import errors

KINDS = ("libvirt", "simulated")
"""simulated: for trials, without guests."""


def is_known(kind: str | None) -> bool:
    """Whether machines can be replicated from and to it; None: its appliance has not said yet."""
    return kind is None or kind in KINDS


def require(site: str, kind: str | None) -> None:
    """Raises InvalidArgument for a site whose appliances say that it is of another kind; None: they have
    not said yet."""
    if not is_known(kind):
        raise errors.InvalidArgument(
            f"Site '{site}' is of the kind '{kind}': no machine can be replicated from or to it.",
            do=f"Give a site of one of these kinds: {', '.join(KINDS)} ('secondsite site list').",
        )


def unknown_target(unknown: errors.NotFound) -> errors.NotFound:
    """The same error, with what a target may be."""
    return errors.NotFound(
        unknown.message,
        do=(
            f"A target is a site of this vault, of one of these kinds: {', '.join(KINDS)}; no cloud is one. "
            f"{unknown.do}"
        ),
    )
