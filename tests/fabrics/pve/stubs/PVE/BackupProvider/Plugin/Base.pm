# Stands in for the base class of Proxmox VE's backup providers: as there, what is not overridden dies.
package PVE::BackupProvider::Plugin::Base;
use strict;
use warnings;
sub new { die "implement me in subclass" }
sub provider_name { die "implement me in subclass" }
sub job_init { die "implement me in subclass" }
sub job_cleanup { die "implement me in subclass" }
sub backup_init { die "implement me in subclass" }
sub backup_cleanup { die "implement me in subclass" }
sub backup_get_mechanism { die "implement me in subclass" }
sub backup_handle_log_file { die "implement me in subclass" }
sub backup_vm_query_incremental { die "implement me in subclass" }
sub backup_vm { die "implement me in subclass" }
sub backup_container_prepare { die "implement me in subclass" }
sub backup_container { die "implement me in subclass" }
sub restore_get_mechanism { die "implement me in subclass" }
sub restore_get_guest_config { die "implement me in subclass" }
1;
