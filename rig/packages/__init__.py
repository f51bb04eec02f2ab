"""The Debian packages of this checkout, built in a root of their release, and fresh hosts to try them on.

building     `./dev packages`: builds them, and has them looked at by lintian
build.sh     what is done in the root
changelog    Debian's changelog, out of ours
hosts        what fresh hosts are made from, and hosts with an earlier release
layers       roots that lie over one that stays as it was first
lintian      what it found
"""

from rig.packages.building import built

__all__ = ["built"]
