package machine

import (
	"path/filepath"
	"strings"
)

// configuration is what a file says of an interface, that it knows by name or by MAC address.
type configuration struct {
	file, name, mac string
	dhcp            bool
}

// configurations of all that distributions use. What netplan writes is found where it renders it to.
func (r Root) configurations() []configuration {
	found := r.ifupdown()
	for _, folder := range []string{"etc/systemd/network", "run/systemd/network", "usr/lib/systemd/network"} {
		for _, file := range r.files(".network", folder) {
			found = append(found, r.networkd(file))
		}
	}
	for _, folder := range []string{"etc/NetworkManager/system-connections", "run/NetworkManager/system-connections"} {
		for _, file := range r.files(".nmconnection", folder) {
			found = append(found, r.networkManager(file))
		}
	}
	for _, file := range r.files("", "etc/sysconfig/network-scripts") {
		if strings.HasPrefix(filepath.Base(file), "ifcfg-") {
			found = append(found, r.ifcfg(file))
		}
	}
	return found
}

func (r Root) ifupdown() []configuration {
	var found []configuration
	for _, file := range append([]string{"/etc/network/interfaces"}, r.files("", "etc/network/interfaces.d")...) {
		for _, line := range r.lines(within(file)) {
			if fields := strings.Fields(line); len(fields) > 3 && fields[0] == "iface" {
				found = append(found, configuration{file: file, name: fields[1], dhcp: fields[3] == "dhcp" || fields[3] == "auto"})
			}
		}
	}
	return found
}

func (r Root) networkd(file string) configuration {
	said := r.sections(file)
	dhcp := said["Network.DHCP"]
	name := said["Match.Name"]
	if said["Match.Type"] == "ether" && firstOf(name, said["Match.Kind"], said["Match.Driver"], said["Match.Path"]) == "" {
		name = "*"
	}
	return configuration{
		file: file, name: name, mac: firstOf(said["Match.MACAddress"], said["Match.PermanentMACAddress"]),
		dhcp: dhcp != "" && dhcp != "no" && dhcp != "false" && said["Network.Address"] == "" && said["Address.Address"] == "",
	}
}

func (r Root) networkManager(file string) configuration {
	said := r.sections(file)
	return configuration{
		file: file, name: said["connection.interface-name"], mac: said["ethernet.mac-address"],
		dhcp: said["ipv4.method"] == "auto" || said["ipv4.method"] == "" && said["ipv6.method"] == "auto",
	}
}

func (r Root) ifcfg(file string) configuration {
	return configuration{
		file: file, name: r.setting("DEVICE", file), mac: r.setting("HWADDR", file),
		dhcp: r.setting("BOOTPROTO", file) == "dhcp",
	}
}

// sections are the values of a file as `Section.Key`; the first of several counts.
func (r Root) sections(file string) map[string]string {
	found, section := map[string]string{}, ""
	for _, line := range r.lines(within(file)) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "[") {
			section = strings.Trim(line, "[]")
			continue
		}
		key, value, is := strings.Cut(line, "=")
		name := section + "." + strings.TrimSpace(key)
		if _, known := found[name]; is && !known && !strings.HasPrefix(line, "#") {
			found[name] = strings.TrimSpace(value)
		}
	}
	return found
}

// linkFiles are the names that stay, by MAC address: udev gives them.
func (r Root) linkFiles() map[string]string {
	found := map[string]string{}
	for _, file := range r.files(".link", "etc/systemd/network") {
		said := r.sections(file)
		mac := firstOf(said["Match.MACAddress"], said["Match.PermanentMACAddress"])
		if mac != "" && said["Link.Name"] != "" {
			found[strings.ToLower(mac)] = said["Link.Name"]
		}
	}
	return found
}

func firstOf(words ...string) string {
	for _, each := range words {
		if each != "" {
			return each
		}
	}
	return ""
}

// configured says which files configure the card, or what stands on it.
func (c *Card) configured(all []configuration, lasting map[string]string) {
	c.Method = "unknown"
	dhcp := false
	for _, each := range all {
		byMAC := each.mac != "" && strings.EqualFold(each.mac, c.MAC)
		byName := each.mac == "" && c.isNamed(each.name)
		if !byMAC && !byName {
			continue
		}
		c.Files = few(c.Files, []string{path(each.file)})
		c.ByName = c.ByName || byName && !strings.ContainsAny(each.name, "*?[") && lasting[c.MAC] != c.Name
		dhcp = dhcp || each.dhcp
		c.Method = "files"
	}
	if dhcp {
		c.Method = "dhcp"
	}
}

func (c *Card) isNamed(patterns string) bool {
	for _, pattern := range strings.Fields(patterns) {
		for _, name := range c.names() {
			if matches, _ := filepath.Match(pattern, name); matches {
				return true
			}
		}
	}
	return false
}
