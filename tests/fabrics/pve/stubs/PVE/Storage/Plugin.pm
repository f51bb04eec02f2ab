# Stands in for the base class of Proxmox VE's storages, of which only the names are known here.
package PVE::Storage::Plugin;
use strict;
use warnings;
sub private { return {} }
1;
