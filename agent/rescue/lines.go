package rescue

import "fmt"

// Lines tell a person in front of the machine what is offered.
func (m *Machine) Lines() (lines []string) {
	for _, disk := range m.Disks {
		line := fmt.Sprintf("disk %s (%s), %s: ", disk.Name, disk.Key, amount(disk.SizeBytes))
		if disk.Refused != "" {
			line += "not offered, " + disk.Refused
		} else {
			line += "offered, it may be overwritten"
		}
		lines = append(lines, line)
	}
	if len(lines) == 0 {
		lines = []string{"no disk was found: is the driver of its controller in this image?"}
	}
	return lines
}

func amount(bytes int64) string {
	for _, unit := range []struct {
		name  string
		bytes int64
	}{{"TiB", 1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}} {
		if bytes >= unit.bytes {
			return fmt.Sprintf("%.1f %s", float64(bytes)/float64(unit.bytes), unit.name)
		}
	}
	return fmt.Sprintf("%d bytes", bytes)
}
