package services

import "regexp"

// kept is what the agent's own connection, a person at the console, and systemd itself need: all else is stopped.
var kept = regexp.MustCompile(`^(` +
	`systemd-.*|dbus.*|udev.*|polkit|elogind|` + // what other units are started and logged by
	`getty@.*|serial-getty@.*|console-getty|container-getty@.*|user@.*|user-runtime-dir@.*|` +
	`ssh|ssh@.*|sshd|sshd@.*|dropbear|` + // a person may look
	`network.*|NetworkManager.*|wpa_supplicant.*|dhcpcd.*|dhclient.*|ifup@.*|connman|iwd|wicked.*|resolvconf|` +
	`firewalld|nftables|netfilter-persistent|ufw|open-vswitch.*|openvswitch.*|ovs.*|wg-quick@.*|unbound|dnsmasq|` +
	`dm-event|lvm2-.*|multipathd|iscsid|iscsi|open-iscsi|mdmonitor|blk-availability|` + // disks lie on them
	`qemu-guest-agent|open-vm-tools|vmtoolsd|secondsite-agent.*` +
	`)\.(service|socket|timer|path)$`)

// mayStop tells whether a unit is stopped before the last point.
func mayStop(unit string) bool { return stoppable.MatchString(unit) && !kept.MatchString(unit) }

var stoppable = regexp.MustCompile(`^[A-Za-z0-9:_.\\@-]{1,255}\.(service|socket|timer|path)$`)
