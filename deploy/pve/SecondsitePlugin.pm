# Storage type "secondsite" of Proxmox VE: hands the disks of a machine, as they are at one instant, to the
# appliance of secondsite at the same node. **Untried on a node**: it ran with stubs of the base classes.
#
# It is no place for backups: nothing is stored, listed or restored. A backup to it is a cycle of replication,
# which the appliance begins; one that nobody asked the appliance for is refused.
#
#   install -m 644 SecondsitePlugin.pm /usr/share/perl5/PVE/Storage/Custom/
#   systemctl restart pvedaemon pveproxy pvestatd pvescheduler
#   pvesm add secondsite secondsite --content backup
#
# Storage API 11 (Proxmox VE 8.4) and newer. The words with the appliance: JSON objects, one a line.
#   asked   {"ask":"begin",...}   before the instant   answer {"modes":{DEVICE:"use"|"new"},"seconds":N}
#   asked   {"ask":"read",...}    after the instant    answers {"going":1} ..., {"done":1} or {"failed":WHY}

package PVE::Storage::Custom::SecondsitePlugin;

use strict;
use warnings;

use base qw(PVE::Storage::Plugin);

sub api { return 11 }

sub type { return 'secondsite' }

sub plugindata {
    return {
        content => [{ backup => 1, none => 1 }, { backup => 1 }],
        features => { 'backup-provider' => 1 },
    };
}

sub properties {
    return {
        'secondsite-socket' => {
            description => "Where the appliance of secondsite listens, at each node.",
            type => 'string',
            format => 'pve-storage-path',
        },
    };
}

sub options {
    return {
        'secondsite-socket' => { optional => 1 },
        nodes => { optional => 1 },
        disable => { optional => 1 },
        content => { optional => 1 },
    };
}

sub new_backup_provider {
    my ($class, $scfg, $storeid, $log_function) = @_;
    return PVE::BackupProvider::Plugin::Secondsite->new($class, $scfg, $storeid, $log_function);
}

# It holds nothing, and is there as long as the node is.
sub activate_storage { return 1 }
sub status { return (0, 0, 0, 1) }
sub list_volumes { return [] }
sub parse_volname { die "The storage of secondsite holds no volumes.\n" }
sub alloc_image { die "The storage of secondsite holds no volumes.\n" }

package PVE::BackupProvider::Plugin::Secondsite;

use strict;
use warnings;

use IO::Select;
use IO::Socket::UNIX;
use JSON::PP ();
use Time::HiRes qw(time);

use base qw(PVE::BackupProvider::Plugin::Base);

use constant {
    SOCKET => '/run/secondsite/pve.sock',
    ANSWER_SECONDS => 30,       # of silence. The appliance says "going" each few seconds while it reads.
    MOST_SECONDS => 24 * 3600,  # for all of a view; the appliance says how many of them it wants
    MOST_BYTES => 65536,        # of one line
};

sub new {
    my ($class, $storage_plugin, $scfg, $storeid, $log_function) = @_;
    my $path = $scfg->{'secondsite-socket'} // SOCKET;
    return bless({ path => $path, storeid => $storeid, rest => '', seconds => MOST_SECONDS }, $class);
}

sub provider_name { return 'secondsite' }

sub job_init { return }

sub job_cleanup { my ($self) = @_; return $self->_hang_up() }

sub backup_init {
    my ($self, $vmid, $vmtype, $start_time) = @_;
    return { 'archive-name' => "secondsite-$vmid-$start_time" };
}

# The appliance hears of a failure by the end of the connection, also if this process is killed.
sub backup_cleanup {
    my ($self, $vmid, $vmtype, $success, $info) = @_;
    $self->_hang_up();
    return { stats => { 'archive-size' => 0 } };
}

sub backup_handle_log_file { return }

sub backup_get_mechanism {
    my ($self, $vmid, $vmtype) = @_;
    die "secondsite replicates no containers.\n" if $vmtype ne 'qemu';
    return 'nbd';
}

sub backup_vm_query_incremental {
    my ($self, $vmid, $volumes) = @_;
    my %sizes = map { $_ => int($volumes->{$_}->{size}) } keys %$volumes;
    $self->_say({ ask => 'begin', vmid => int($vmid), storage => $self->{storeid}, sizes => \%sizes });
    my ($modes, $seconds) = @{ $self->_answer() }{qw(modes seconds)};
    die "The appliance of secondsite answers without modes.\n" if ref($modes) ne 'HASH';
    my %known = map { $_ => $modes->{$_} } grep { exists($sizes{$_}) } keys %$modes;
    die "The appliance of secondsite wants an unknown mode.\n" if grep { !/^(?:use|new)$/ } values %known;
    $self->{seconds} = $seconds if ($seconds // '') =~ /^[0-9]{1,5}$/ && $seconds < MOST_SECONDS;
    return \%known;
}

sub backup_vm {
    my ($self, $vmid, $guest_config, $volumes, $info) = @_;
    my %told = map { $_ => _told($volumes->{$_}) } keys %$volumes;
    my $until = time() + $self->{seconds};
    $self->_say({ ask => 'read', vmid => int($vmid), volumes => \%told });
    while (time() < $until) {
        my $answer = $self->_answer();
        return if $answer->{done};
        die "The appliance of secondsite ended the view without an answer.\n" if !$answer->{going};
    }
    die "The appliance of secondsite has not read the disks within $self->{seconds} s.\n";
}

sub _told {
    my ($volume) = @_;
    return {
        size => int($volume->{size}),
        mode => $volume->{'bitmap-mode'} // 'none',
        socket => $volume->{'nbd-path'},
        bitmap => $volume->{'bitmap-name'},
    };
}

sub backup_container_prepare { die "secondsite replicates no containers.\n" }
sub backup_container { die "secondsite replicates no containers.\n" }

sub _line {
    my ($self) = @_;
    $self->{line} //= IO::Socket::UNIX->new(Peer => $self->{path}, Timeout => ANSWER_SECONDS)
        or die "No appliance of secondsite listens at $self->{path}: $!. Run it at this node.\n";
    return $self->{line};
}

sub _say {
    my ($self, $what) = @_;
    my $line = $self->_line();
    my $left = JSON::PP->new->utf8->canonical->encode($what) . "\n";
    local $SIG{PIPE} = 'IGNORE';
    while (length($left)) {
        my $ready = IO::Select->new($line)->can_write(ANSWER_SECONDS);
        die "The appliance of secondsite does not listen.\n" if !$ready;
        my $sent = syswrite($line, $left) or die "The connection to the appliance of secondsite broke: $!.\n";
        substr($left, 0, $sent, '');
    }
}

sub _answer {
    my ($self) = @_;
    my $until = time() + ANSWER_SECONDS;
    while ($self->{rest} !~ /\n/) {
        my $left = $until - time();
        my $line = $self->_line();
        my $ready = $left > 0 && IO::Select->new($line)->can_read($left);
        die "The appliance of secondsite is silent.\n" if !$ready;
        my $got = sysread($line, $self->{rest}, MOST_BYTES, length($self->{rest}));
        die "The connection to the appliance of secondsite broke.\n" if !$got;
        die "The appliance of secondsite says too much.\n" if length($self->{rest}) > MOST_BYTES;
    }
    $self->{rest} =~ s/^(.*?)\n//;
    my $answer = eval { JSON::PP->new->utf8->decode($1) };
    die "The appliance of secondsite says what cannot be understood.\n" if ref($answer) ne 'HASH';
    die "The appliance of secondsite does not go on: $answer->{failed}\n" if defined($answer->{failed});
    return $answer;
}

sub _hang_up {
    my ($self) = @_;
    my $line = delete($self->{line});
    close($line) if defined($line);
    $self->{rest} = '';
}

1;
