"""The platforms between which machines are replicated: the kinds of sites (S-002)."""

from .. import errors

KINDS = ("libvirt", "agent", "simulated")
"""agent: machines with an agent inside, of any platform or none. simulated is for trials: no guests."""


def is_known(kind: str | None) -> bool:
    """Whether machines can be replicated from and to this kind of site; true for None: its appliance has not
    reported it yet."""
    return kind is None or kind in KINDS


def has_hypervisor(kind: str | None) -> bool:
    """Whether a hypervisor starts its machines, and stops them; else only a person at them does."""
    return kind != "agent"


def require(site: str, kind: str | None) -> None:
    """Raises InvalidArgument if the site's appliances report another kind; None: they have not reported it
    yet."""
    if not is_known(kind):
        raise errors.InvalidArgument(
            f"Site '{site}' is of the kind '{kind}': no machine can be replicated from or to it.",
            do=f"Give a site of one of these kinds: {', '.join(KINDS)} ('secondsite site list').",
        )


def unknown_target(unknown: errors.NotFound) -> errors.NotFound:
    """The same error, with the kinds of site that a target may have."""
    return errors.NotFound(
        unknown.message,
        do=(
            f"A target is a site of this vault, of one of these kinds: {', '.join(KINDS)}; no cloud is one. "
            f"{unknown.do}"
        ),
    )
