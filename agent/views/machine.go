package views

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"secondsite/agent/disks"
	"secondsite/agent/marks"
	"secondsite/agent/proof"
	"secondsite/agent/tracking"
)

// Options are what the owner of the machine may choose.
type Options struct {
	Sys disks.Sys
	// Deadline is after what time the watchdog thaws.
	Deadline time.Duration
	// HeldBytes bounds what is read while the file systems stand still.
	HeldBytes int64
	// ScanBytes bounds what a scan reads in a second.
	ScanBytes int64
	// Seams is a folder of tests.
	Seams Seams
}

// Machine is the disks of this machine, and what was written to them. One verb at a time has it.
type Machine struct {
	Options
	Disks []*disks.Disk

	lock    sync.Mutex
	boot    string
	tracker *tracking.Tracker
	history marks.History
	view    *View
	scan    *scan
	// since is the evidence of the last instant up to which all marks are known to be complete.
	since proof.Evidence
	// distrust is why the marks cannot be trusted, a sentence; empty if they can.
	distrust string
}

const untilScanned = "The agent has just been started: what was written before is unknown."

// Open begins to follow all disks that can be followed.
func Open(found []*disks.Disk, options Options) (*Machine, error) {
	m := &Machine{Options: options, distrust: untilScanned, boot: bootID(options.Sys)}
	var watched []tracking.Disk
	for _, disk := range found {
		if disk.Refused != "" {
			continue
		}
		if err := disk.Open(); err != nil {
			return nil, err
		}
		m.Disks = append(m.Disks, disk)
		watched = append(watched, tracking.Disk{
			Major: disk.Major, Minor: disk.Minor, SizeBytes: disk.SizeBytes, Paths: disk.Paths,
		})
	}
	if len(m.Disks) == 0 {
		return nil, fmt.Errorf("there is no disk that can be followed: `disks` says why")
	}
	var err error
	if m.tracker, err = tracking.Start(watched); err != nil {
		return nil, fmt.Errorf("writes cannot be followed: %w", err)
	}
	return m, nil
}

func bootID(sys disks.Sys) string {
	text, _ := os.ReadFile(string(sys) + "/proc/sys/kernel/random/boot_id")
	return strings.TrimSpace(string(text))
}

// Close ends the tracking: the next agent must scan.
func (m *Machine) Close() {
	m.lock.Lock()
	defer m.lock.Unlock()
	m.closeView()
	m.tracker.Close()
	for _, disk := range m.Disks {
		disk.Close()
	}
}

// Disk finds a disk by its key, and its place in the list.
func (m *Machine) Disk(key string) (int, error) {
	for at, disk := range m.Disks {
		if disk.Key == key {
			return at, nil
		}
	}
	return 0, fmt.Errorf("there is no disk %q here that is followed", key)
}

// Acknowledge notes that the other side has everything up to that instant.
func (m *Machine) Acknowledge(name string) error {
	m.lock.Lock()
	defer m.lock.Unlock()
	return m.history.Acknowledge(name)
}

// Status is what the agent knows of itself.
type Status struct {
	Boot         string           `json:"boot"`
	Acknowledged string           `json:"acknowledged"`
	Distrust     string           `json:"distrust,omitempty"`
	Programs     []uint64         `json:"programs"`
	Misses       []uint64         `json:"misses"`
	Counts       []tracking.Count `json:"counts"`
}

// Status tells it.
func (m *Machine) Status() (Status, error) {
	m.lock.Lock()
	defer m.lock.Unlock()
	status := Status{
		Boot: m.boot, Acknowledged: m.history.Acknowledged(), Distrust: m.distrust,
		Programs: m.tracker.Programs(), Misses: m.tracker.Misses(),
	}
	for at := range m.Disks {
		count, err := m.tracker.Count(at)
		if err != nil {
			return status, err
		}
		status.Counts = append(status.Counts, count)
	}
	return status, nil
}

func (m *Machine) unions() []*marks.Set {
	unions := make([]*marks.Set, len(m.Disks))
	for at, disk := range m.Disks {
		unions[at] = m.history.Union(at, marks.Blocks(disk.SizeBytes))
	}
	return unions
}
