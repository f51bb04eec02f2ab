package views

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"secondsite/agent/disks"
	"secondsite/agent/hooks"
	"secondsite/agent/marks"
	"secondsite/agent/proof"
	"secondsite/agent/restraint"
	"secondsite/agent/services"
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
	// Finder finds disks that come while the agent runs; without one the disks stay the same.
	Finder Finder
	// ScanOnly follows nothing, as on a kernel that cannot.
	ScanOnly bool
	// Hooks bring applications to rest.
	Hooks    hooks.Hooks
	Farewell Farewell
	// Frozen is where it stands what is frozen now (freezing.EndLeftOver); empty: nowhere.
	Frozen string
	// Seams is a folder of tests.
	Seams Seams
}

func (o *Options) complete() {
	if o.Farewell == nil {
		o.Farewell = services.Farewell(false)
	}
	if o.Hooks.Folder == "" {
		o.Hooks = hooks.Hooks{Folder: hooks.Folder, Deadline: hooks.Deadline, Noted: o.Hooks.Noted}
	}
}

// Machine is the disks of this machine, and what was written to them. One verb at a time has it.
type Machine struct {
	Options
	Disks []*disks.Disk
	// Refused are those that are not followed, and why.
	Refused []*disks.Disk

	lock    sync.Mutex
	boot    string
	tracker tracker
	// untracked is why nothing is followed, a sentence; empty if all disks are.
	untracked string
	signature string
	history   marks.History
	view      *View
	scan      *scan
	// since is the evidence of the last instant up to which all marks are known to be complete.
	since proof.Evidence
	// rate is that of all scans together.
	rate *restraint.Rate
	// standing is file systems that stay frozen between two verbs; nil if none do.
	standing   *standing
	thawed     *Thawed
	resumption *time.Timer
	// ended is the kernel's counters as they were read last, valid those of the last view that marks were taken for.
	ended []disks.Counts
	valid *counted
	// distrust is why the marks cannot be trusted, a sentence; empty if they can.
	distrust string
}

const untilScanned = "The agent has just been started: what was written before is unknown."

// Open begins to follow all disks that can be followed. Services that an agent before stopped, and did not live to start,
// are started.
func Open(found []*disks.Disk, options Options) (*Machine, error) {
	options.complete()
	if err := options.Farewell.Start(); err != nil {
		fmt.Fprintln(os.Stderr, "error: "+err.Error())
	}
	m := &Machine{
		Options: options, distrust: untilScanned, boot: bootID(options.Sys), rate: restraint.NewRate(options.ScanBytes),
	}
	if options.Finder.Find != nil {
		m.signature = options.Finder.Signature()
	}
	m.Disks, m.Refused = followable(found)
	if len(m.Disks) == 0 {
		return nil, fmt.Errorf("there is no disk that can be followed: `disks` says why")
	}
	m.ended = make([]disks.Counts, len(m.Disks))
	m.tracker = m.follow(m.Disks)
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
	if m.leaves() {
		m.Farewell.PowerOff()
		return // the kernel refused: the file systems stay frozen, which is as good
	}
	if m.standing != nil {
		m.thaw("")
	}
	if m.Farewell.AreStopped() {
		m.resume()
	}
	m.closeView()
	m.tracker.Close()
	closeAll(m.Disks)
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

// Acknowledge notes that the other side has everything up to that instant. If it is the last one, this machine must not
// work on any more, whoever dies: its copy may run elsewhere.
func (m *Machine) Acknowledge(name string) error {
	m.lock.Lock()
	defer m.lock.Unlock()
	if s := m.standing; s != nil && !s.last && s.opened == name && name != "" {
		return fmt.Errorf("instant %q is judged once more at the thaw: thaw first", name)
	}
	if s := m.standing; s != nil && s.last && s.opened == name && m.Farewell.MaySwitchOff() {
		if err := s.keeper.Leave(); err != nil {
			return err
		}
	}
	return m.history.Acknowledge(name)
}

// leaves tells whether this machine stands still for good.
func (m *Machine) leaves() bool {
	s := m.standing
	return s != nil && s.last && s.opened != "" && m.history.Acknowledged() == s.opened && m.Farewell.MaySwitchOff()
}

// Status is what the agent knows of itself.
type Status struct {
	Boot string `json:"boot"`
	// Tracking is ebpf, or scan; Untracked says why it is scan.
	Tracking     string           `json:"tracking"`
	Untracked    string           `json:"untracked,omitempty"`
	Refused      []*disks.Disk    `json:"refused,omitempty"`
	Acknowledged string           `json:"acknowledged"`
	Distrust     string           `json:"distrust,omitempty"`
	Programs     []uint64         `json:"programs"`
	Misses       []uint64         `json:"misses"`
	Counts       []tracking.Count `json:"counts"`
	// Standing is file systems that stay frozen, ServicesStopped that a planned failover is under way.
	Standing        *Standing `json:"standing,omitempty"`
	ServicesStopped bool      `json:"services_stopped,omitempty"`
}

// Status tells it.
func (m *Machine) Status() (Status, error) {
	m.lock.Lock()
	defer m.lock.Unlock()
	status := Status{
		Boot: m.boot, Acknowledged: m.history.Acknowledged(), Distrust: m.distrust,
		Programs: m.tracker.Programs(), Misses: m.tracker.Misses(),
		Tracking: "ebpf", Untracked: m.untracked, Refused: m.Refused,
		Standing: m.standing.told(), ServicesStopped: m.Farewell.AreStopped(),
	}
	if m.untracked != "" {
		status.Tracking = "scan"
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

// List is the disks that are followed now; while a view is open those that it was opened with.
func (m *Machine) List() ([]*disks.Disk, error) {
	m.lock.Lock()
	defer m.lock.Unlock()
	if m.view == nil {
		if err := m.look(); err != nil {
			return nil, err
		}
	}
	return m.Disks, nil
}

// unions is what was written to each disk since that instant; since the acknowledged one if it is empty.
func (m *Machine) unions(since string) (unions []*marks.Set, err error) {
	if since == "" {
		since = m.history.Acknowledged()
	}
	unions = make([]*marks.Set, len(m.Disks))
	for at, disk := range m.Disks {
		if unions[at], err = m.history.UnionSince(since, at, marks.Blocks(disk.SizeBytes)); err != nil {
			return nil, err
		}
	}
	return unions, nil
}
