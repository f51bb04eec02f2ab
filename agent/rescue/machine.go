package rescue

import (
	"errors"
	"fmt"
	"sync"

	"secondsite/agent/disks"
	"secondsite/agent/nbd"
)

// Machine is this machine, with the disks that it offers.
type Machine struct {
	Disks []*Disk

	boot     string
	firmware string
	ending   Ending

	lock    sync.Mutex
	writers int
	ended   bool
}

// Open takes every disk that nothing uses for itself: until Close nobody here can mount it.
func Open(sys disks.Sys, found []*disks.Disk, ending Ending) *Machine {
	m := &Machine{boot: sys.Word("proc/sys/kernel/random/boot_id"), firmware: firmwareOf(sys), ending: ending}
	uses := usesOf(sys, found)
	keys := map[string]string{}
	for _, each := range found {
		disk := &Disk{
			Key: each.Key, Name: each.Name, SizeBytes: each.SizeBytes, Holds: each.Holds,
			Serial: disks.Serial(sys, each.Name), Drivers: disks.Drivers(sys, each.Name),
			Refused: reason(sys, each, uses, keys), machine: m, SectorBytes: disks.SectorBytes(sys, each.Name),
		}
		if disk.Refused == "" {
			disk.Refused = disk.open()
		}
		if disk.Refused == "" {
			keys[disk.Key] = disk.Name
		}
		m.Disks = append(m.Disks, disk)
	}
	return m
}

// Close lets go of the disks.
func (m *Machine) Close() {
	for _, disk := range m.Disks {
		disk.close()
	}
}

// Found are the disks as they are told at once, with why one is not offered.
func (m *Machine) Found() []*disks.Disk {
	found := make([]*disks.Disk, len(m.Disks))
	for at, disk := range m.Disks {
		found[at] = &disks.Disk{
			Key: disk.Key, Name: disk.Name, SizeBytes: disk.SizeBytes, Holds: disk.Holds, Refused: disk.Refused,
			Serial: disk.Serial,
		}
	}
	return found
}

// Offer is what writers may choose from.
func (m *Machine) Offer() nbd.Offer { return m }

// Keys are those of the disks that are offered.
func (m *Machine) Keys() (keys []string) {
	for _, disk := range m.Disks {
		if disk.Refused == "" {
			keys = append(keys, disk.Key)
		}
	}
	return keys
}

// Choose gives a disk that is offered, or says why there is none.
func (m *Machine) Choose(key string) (nbd.Disk, error) {
	err := fmt.Errorf("there is no disk %q here", key)
	for _, disk := range m.Disks {
		switch {
		case disk.Key == key && disk.Refused == "":
			return disk, nil
		case disk.Key == key:
			err = fmt.Errorf("disk %s is not offered: %s", disk.Name, disk.Refused)
		}
	}
	return nil, err
}

var errEnding = errors.New("this machine is about to end its rescue system: its disks take no more writers")

func (m *Machine) begin() error {
	m.lock.Lock()
	defer m.lock.Unlock()
	if m.ended {
		return errEnding
	}
	m.writers++
	return nil
}

func (m *Machine) finish() {
	m.lock.Lock()
	defer m.lock.Unlock()
	m.writers--
}
