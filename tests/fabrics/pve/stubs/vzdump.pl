# A backup of one machine in the order in which Proxmox VE calls a backup provider. Who started it plays QEMU:
# it is told the modes on standard output, and tells the volumes on standard input, both as lines of JSON.
# Arguments: the plugin, its settings and the sizes of the volumes as JSON, the machine's number, its type.
use strict;
use warnings;
use JSON::PP;
$| = 1;
my ($plugin, $settings, $sizes, $vmid, $vmtype) = @ARGV;
require $plugin;
my $class = 'PVE::Storage::Custom::SecondsitePlugin';
die "no backup provider\n" if !$class->plugindata()->{features}->{'backup-provider'};
my $provider = $class->new_backup_provider(decode_json($settings), 'secondsite', sub { });
my $told = sub { print encode_json($_[0]), "\n" };
my $sized = decode_json($sizes);
my $volumes = { map { $_ => { size => $sized->{$_} } } keys %$sized };
$provider->job_init(time());
my $success = eval {
    $provider->backup_init($vmid, $vmtype, time());
    die "no nbd\n" if $provider->backup_get_mechanism($vmid, $vmtype) ne 'nbd';
    $told->({ modes => $provider->backup_vm_query_incremental($vmid, $volumes) });
    my $shown = decode_json(scalar(<STDIN>));
    $provider->backup_vm($vmid, "name: web01\n", $shown, {});
    1;
};
my $error = $@;
$provider->backup_cleanup($vmid, $vmtype, $success, $success ? {} : { error => $error });
$provider->job_cleanup();
$told->($success ? { ended => 'OK' } : { ended => $error });
