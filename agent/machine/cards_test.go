package machine

import (
	"fmt"
	"strings"
	"testing"
)

func card(t *testing.T, lines ...string) Card {
	lines = append(lines, "sys/class/net/eno1/address=AA:BB:CC:00:00:01\n", "sys/class/net/eno1/device/x=",
		"sys/class/net/eno1/upper_br0/x=", "sys/class/net/br0/address=aa:bb:cc:00:00:01", "sys/class/net/lo/address=00:00:00:00:00:00",
		"proc/net/route=Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\nbr0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\n")
	found := prepared(t, lines...).cards([]Interface{{"br0", []string{"192.0.2.5/24"}}, {"eth9", []string{"10.0.0.1/8"}}})
	if len(found) != 1 {
		t.Fatalf("%+v", found)
	}
	return found[0]
}

func TestACardHasTheAddressesOfWhatStandsOnIt(t *testing.T) {
	found := card(t)
	if strings.TrimSpace(fmt.Sprintln(found.Name, found.MAC, found.Addresses, found.Gateways, found.Stands, found.Method)) !=
		"eno1 aa:bb:cc:00:00:01 [192.0.2.5/24] [192.0.2.1] [br0] unknown" {
		t.Fatalf("%+v", found)
	}
}

func TestWhereACardsAddressesLiveIsTold(t *testing.T) {
	const netplan = "run/systemd/network/10-netplan-eno1.network=[Match]\nName=eno1\n[Network]\nDHCP=ipv4\n"
	const link = "etc/systemd/network/10-eno1.link=[Match]\nMACAddress=aa:bb:cc:00:00:01\n[Link]\nName=eno1\n"
	for _, each := range []struct {
		lines  []string
		wanted string
	}{
		{[]string{"etc/network/interfaces=iface lo inet loopback\nauto br0\niface br0 inet static\n"}, "files true /etc/network/interfaces"},
		{[]string{"etc/network/interfaces.d/a=iface eno1 inet dhcp\n"}, "dhcp true /etc/network/interfaces.d/a"},
		{[]string{netplan}, "dhcp true /run/systemd/network/10-netplan-eno1.network"},
		{[]string{netplan, link}, "dhcp false /run/systemd/network/10-netplan-eno1.network"},
		{[]string{"etc/systemd/network/a.network=[Match]\nName=en*\n[Network]\nAddress=192.0.2.5/24\n"}, "files false /etc/systemd/network/a.network"},
		{[]string{"etc/systemd/network/a.network=[Match]\nMACAddress=AA:bb:cc:00:00:01\n[Network]\nDHCP=yes\n"}, "dhcp false /etc/systemd/network/a.network"},
		{[]string{"etc/systemd/network/any.network=[Match]\nType=ether\n[Network]\nDHCP=yes\n"}, "dhcp false /etc/systemd/network/any.network"},
		{[]string{"etc/systemd/network/a.network=[Match]\nType=ether\nPath=pci-*\n[Network]\nDHCP=yes\n"}, "unknown false "},
		{[]string{"etc/NetworkManager/system-connections/a b.nmconnection=[connection]\ninterface-name=eno1\n[ipv4]\nmethod=manual\n"},
			"files true /etc/NetworkManager/system-connections/a-b.nmconnection"},
		{[]string{"etc/sysconfig/network-scripts/ifcfg-eno1=DEVICE=eno1\nBOOTPROTO=none\n"}, "files true /etc/sysconfig/network-scripts/ifcfg-eno1"},
		{[]string{"etc/sysconfig/network-scripts/ifcfg-x=HWADDR=\"AA:BB:CC:00:00:01\"\nBOOTPROTO=dhcp\n"}, "dhcp false /etc/sysconfig/network-scripts/ifcfg-x"},
		{[]string{"etc/network/interfaces=iface eth9 inet static\n"}, "unknown false "},
	} {
		found := card(t, each.lines...)
		if said := fmt.Sprint(found.Method, " ", found.ByName, " ", strings.Join(found.Files, ",")); said != each.wanted {
			t.Errorf("%v: %s", each.lines, said)
		}
	}
}

func TestServersOfNamesAreThoseBehindTheLocalOne(t *testing.T) {
	root := prepared(t, "etc/resolv.conf=nameserver 127.0.0.53\n", "run/systemd/resolve/resolv.conf=nameserver 192.0.2.53\nnameserver x\n")
	if found := root.dns(); fmt.Sprint(found) != "[192.0.2.53]" {
		t.Fatal(found)
	}
}
