package dialling

import (
	"os"
	"strconv"
	"strings"
	"time"

	"secondsite/agent/disks"
	"secondsite/agent/fencing"
)

// Version is of this program; the build says it.
var Version = "unknown"

const (
	mostDisks  = 512
	mostHeld   = 16
	mostName   = 253
	dmiProduct = "sys/class/dmi/id/product_uuid"
)

// Disk is what is told of a disk at once.
type Disk struct {
	Key       string `json:"key"`
	Name      string `json:"name"`
	SizeBytes int64  `json:"size_bytes"`
	Refused   string `json:"refused,omitempty"`
	Serial    string `json:"serial,omitempty"`
	// Holds are the kinds of what lies on it.
	Holds []string `json:"holds,omitempty"`
}

// Hello is what this machine tells of itself when it comes.
type Hello struct {
	Version     string `json:"version"`
	HostName    string `json:"host_name"`
	BootID      string `json:"boot_id"`
	MachineID   string `json:"machine_id"`
	ProductUUID string `json:"product_uuid"`
	// UptimeSeconds tells a machine that was started again from its copy.
	UptimeSeconds float64 `json:"uptime_seconds"`
	// Clock is in seconds since 1970, for the appliance to see whether it is off.
	Clock float64 `json:"clock"`
	Disks []Disk  `json:"disks"`
	// Fenced is that this boot was kept from working, since the machine was failed over.
	Fenced bool `json:"fenced,omitempty"`
	// Stopped is that its services were stopped for its last view: it stands still, and works no more.
	Stopped bool `json:"stopped,omitempty"`
	// Rescue is that this is no machine's own system.
	Rescue bool `json:"rescue,omitempty"`
	// Trouble is why disks are not followed, a sentence; empty if they are.
	Trouble string `json:"trouble,omitempty"`
}

// Greeting is what is told now.
func Greeting(sys disks.Sys, found []*disks.Disk, trouble string) Hello {
	uptime, _, _ := strings.Cut(sys.Word("proc/uptime"), " ")
	seconds, _ := strconv.ParseFloat(uptime, 64)
	hello := Hello{
		Version:       Version,
		HostName:      HostName(),
		BootID:        sys.Word("proc/sys/kernel/random/boot_id"),
		MachineID:     sys.Word("etc/machine-id"),
		ProductUUID:   sys.Word(dmiProduct),
		UptimeSeconds: seconds,
		Clock:         float64(time.Now().UnixMilli()) / 1000,
		Disks:         []Disk{},
		Fenced:        fencing.Fence(sys).IsClosed(),
		Trouble:       trouble,
	}
	for _, disk := range found {
		if len(hello.Disks) < mostDisks {
			hello.Disks = append(hello.Disks, diskOf(disk))
		}
	}
	return hello
}

func diskOf(disk *disks.Disk) Disk {
	found := Disk{Key: disk.Key, Name: disk.Name, SizeBytes: disk.SizeBytes, Refused: disk.Refused, Serial: disk.Serial}
	for _, each := range disk.Holds {
		if len(found.Holds) < mostHeld {
			found.Holds = append(found.Holds, each.Kind)
		}
	}
	return found
}

// HostName is this machine's name, without what no name of a host has.
func HostName() string {
	name, _ := os.Hostname()
	name = strings.Map(func(r rune) rune {
		if strings.ContainsRune("-._", r) || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			return r
		}
		return '-'
	}, name)
	if len(name) > mostName {
		name = name[:mostName]
	}
	if name == "" {
		return "unnamed"
	}
	return name
}
