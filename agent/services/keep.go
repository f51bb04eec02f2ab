package services

import (
	"regexp"
	"strings"
)

// Needed is what the agent's own connection, a person at the console, and systemd itself need: names without their kind,
// and `*` for what follows a dash or an `@`.
var Needed = []string{
	"systemd-*", "dbus", "dbus-*", "udev", "polkit", "elogind", // what other units are started and logged by
	"getty@*", "serial-getty@*", "console-getty", "container-getty@*", "user@*", "user-runtime-dir@*",
	"ssh", "ssh@*", "sshd", "sshd@*", "ssh-*", "sshd-keygen", "sshd-keygen@*", "dropbear", // a person may look
	"network", "network-*", "networking", "NetworkManager", "NetworkManager-*", "wpa_supplicant", "wpa_supplicant-*",
	"wpa_supplicant@*", "dhcpcd", "dhcpcd@*", "dhclient", "dhclient@*", "ifup@*", "connman", "connman-*", "iwd",
	"wicked", "wickedd", "wickedd-*", "resolvconf", "resolvconf-*", "netplan-*", "wg-quick@*", "unbound", "dnsmasq",
	"firewalld", "nftables", "netfilter-persistent", "ufw", "open-vswitch", "openvswitch", "openvswitch-*", "ovs-*",
	"ovsdb-server",
	"dm-event", "lvm2-*", "multipathd", "iscsid", "iscsi", "open-iscsi", "mdmonitor", "blk-availability", "zfs-*", // disks lie on them
	"qemu-guest-agent", "open-vm-tools", "vmtoolsd", "secondsite-*",
}

var kept = regexp.MustCompile(`^(` + strings.ReplaceAll(strings.Join(Needed, "|"), "*", ".*") + `)\.(service|socket|timer|path)$`)

// mayStop tells whether a unit is stopped before the last point.
func mayStop(unit string) bool { return stoppable.MatchString(unit) && !kept.MatchString(unit) }

var stoppable = regexp.MustCompile(`^[A-Za-z0-9:_.\\@-]{1,255}\.(service|socket|timer|path)$`)
