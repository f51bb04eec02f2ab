"""Another Debian release beside this system's: a root of its own, in which `./dev` runs."""

from rig.release.root import RELEASES, Root, why_not

__all__ = ["RELEASES", "Root", "why_not"]
