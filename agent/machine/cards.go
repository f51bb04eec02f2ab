package machine

import (
	"encoding/hex"
	"net"
	"regexp"
	"strings"
)

// Card is a network card of hardware. Addresses of what stands on it are its own.
type Card struct {
	Name      string   `json:"name"`
	MAC       string   `json:"mac"`
	Driver    string   `json:"driver"`
	Addresses []string `json:"addresses"`
	Gateways  []string `json:"gateways"`
	// Stands are the names of what stands on it, such as a bridge.
	Stands []string `json:"stands"`
	// Method is how it gets its addresses: dhcp, files, unknown.
	Method string   `json:"method"`
	Files  []string `json:"files"`
	// ByName is whether these files know it by a name that follows from its slot.
	ByName bool `json:"by_name"`
}

// Interface is what the kernel has of one, by its name.
type Interface struct {
	Name      string
	Addresses []string
}

const (
	mostCards = 64
	mostFew   = 16
)

var macAddress = regexp.MustCompile(`^[0-9a-f]{2}(:[0-9a-f]{2}){5}$`)

// ofKernel asks the kernel; link-local addresses are everybody's.
func ofKernel() []Interface {
	all, _ := net.Interfaces()
	var found []Interface
	for _, each := range all {
		one := Interface{Name: each.Name}
		addresses, _ := each.Addrs()
		for _, address := range addresses {
			if ip, _, err := net.ParseCIDR(address.String()); err == nil && ip.IsGlobalUnicast() {
				one.Addresses = append(one.Addresses, address.String())
			}
		}
		found = append(found, one)
	}
	return found
}

func (r Root) cards(interfaces []Interface) []Card {
	found := []Card{}
	configured := r.configurations()
	for _, name := range r.list("sys/class/net") {
		mac := strings.ToLower(r.word("sys/class/net", name, "address"))
		if !r.exists("sys/class/net", name, "device") || !macAddress.MatchString(mac) || len(found) == mostCards {
			continue
		}
		card := Card{
			Name: plain(name), MAC: r.ownAddress(name, mac), Driver: plain(r.linked("sys/class/net", name, "device/driver")),
			Addresses: []string{}, Gateways: []string{}, Stands: []string{}, Files: []string{},
		}
		r.standing(name, &card, deepest)
		card.addresses(interfaces, r.gateways())
		card.configured(configured, r.linkFiles())
		found = append(found, card)
	}
	return found
}

// ownAddress: a member of a bond has the bond's address while it is one.
func (r Root) ownAddress(name, mac string) string {
	own := strings.ToLower(r.word("sys/class/net", name, "bonding_slave/perm_hwaddr"))
	if macAddress.MatchString(own) {
		return own
	}
	return mac
}

func (r Root) standing(name string, card *Card, depth int) {
	for _, entry := range r.list("sys/class/net", name) {
		upper := strings.TrimPrefix(entry, "upper_")
		if upper == entry || hasWord(card.Stands, upper) || depth == 0 || len(card.Stands) == mostFew {
			continue
		}
		card.Stands = append(card.Stands, plain(upper))
		r.standing(upper, card, depth-1)
	}
}

func (c *Card) names() []string { return append([]string{c.Name}, c.Stands...) }

func (c *Card) addresses(interfaces []Interface, gateways map[string][]string) {
	for _, name := range c.names() {
		for _, each := range interfaces {
			if each.Name == name {
				c.Addresses = few(c.Addresses, each.Addresses)
			}
		}
		c.Gateways = few(c.Gateways, gateways[name])
	}
}

func few(list, more []string) []string {
	for _, each := range more {
		if len(list) < mostFew && !hasWord(list, each) {
			list = append(list, each)
		}
	}
	return list
}

// gateways are the default ones, by the names of interfaces.
func (r Root) gateways() map[string][]string {
	found := map[string][]string{}
	for _, line := range r.lines("proc/net/route") {
		if fields := strings.Fields(line); len(fields) > 7 && fields[1] == "00000000" && fields[7] == "00000000" {
			if raw, err := hex.DecodeString(fields[2]); err == nil && len(raw) == 4 && fields[2] != "00000000" {
				address := net.IPv4(raw[3], raw[2], raw[1], raw[0]).String()
				found[fields[0]] = append(found[fields[0]], address)
			}
		}
	}
	for _, line := range r.lines("proc/net/ipv6_route") {
		if fields := strings.Fields(line); len(fields) > 9 && fields[1] == "00" && strings.Trim(fields[0], "0") == "" {
			if raw, err := hex.DecodeString(fields[4]); err == nil && len(raw) == 16 && !net.IP(raw).IsUnspecified() {
				found[fields[9]] = append(found[fields[9]], net.IP(raw).String())
			}
		}
	}
	return found
}

func (r Root) servers(file string) []string {
	found := []string{}
	for _, line := range r.lines(file) {
		if fields := strings.Fields(line); len(fields) > 1 && fields[0] == "nameserver" {
			if address := net.ParseIP(fields[1]); address != nil {
				found = few(found, []string{address.String()})
			}
		}
	}
	return found
}
