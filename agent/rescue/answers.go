package rescue

import (
	"sync/atomic"

	"secondsite/agent/restraint"
	"secondsite/agent/serving"
)

// Status is what is told of the machine.
type Status struct {
	// Boot is another one after each start: who started it anew may have written to the disks in between.
	Boot    string `json:"boot"`
	Rescue  bool   `json:"rescue"`
	Writers int    `json:"writers"`
	// Firmware is what started it: bios or uefi.
	Firmware string `json:"firmware"`
}

// Answer answers one request.
func (m *Machine) Answer(request serving.Request) serving.Answer {
	switch request.Do {
	case "status":
		return serving.Answer{OK: true, Told: m.status()}
	case "disks":
		return serving.Answer{OK: true, Told: m.told()}
	case "memory":
		now, most := restraint.Resident()
		return serving.Answer{OK: true, Told: map[string]uint64{"resident_bytes": now, "most_resident_bytes": most}}
	case "restart":
		return m.end(m.ending.restart)
	case "power-off":
		return m.end(m.ending.powerOff)
	}
	return serving.Unknown(request)
}

func (m *Machine) status() Status {
	m.lock.Lock()
	defer m.lock.Unlock()
	return Status{Boot: m.boot, Rescue: true, Writers: m.writers, Firmware: m.firmware}
}

func (m *Machine) told() []*Disk {
	told := make([]*Disk, len(m.Disks))
	for at, disk := range m.Disks {
		told[at] = &Disk{
			Key: disk.Key, Name: disk.Name, SizeBytes: disk.SizeBytes, SectorBytes: disk.SectorBytes, Holds: disk.Holds, Refused: disk.Refused,
			Serial: disk.Serial, Drivers: disk.Drivers, WrittenBytes: atomic.LoadInt64(&disk.written),
		}
	}
	return told
}
