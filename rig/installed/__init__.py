"""The rig as installed: hosts as deploy/install leaves them, with nothing furnished by those who test.

sites      a vault and two sites, each on a host of its own; the same hands as those of rig.Rig
host       a real systemd as first process of its own namespaces; its power can be cut, and it starts again
boot.sh    what makes a folder the root of such a host
service    one of our units, as an operator starts and stops it
terminal   where commands are typed as a person types them
network    the lines between the hosts
template   what a host is made from: deploy/install, done once and kept in .cache/installed
"""

from rig.installed.host import Host, why_not
from rig.installed.sites import Installed

__all__ = ["Host", "Installed", "why_not"]
