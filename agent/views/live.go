package views

import (
	"fmt"

	"secondsite/agent/freezing"
	"secondsite/agent/marks"
)

// OpenLive opens a view of the disks as they are: what is written while it is read is in the next set. Without a base
// everything is dirty, and marks count from now on. What is dirty counts from `since` on, an instant after the base that
// the reader has read already; empty: from the base. With `flushed` what is dirty in memory is written out first, so that
// little is left for the frozen view that follows.
func (m *Machine) OpenLive(base, since, name string, flushed bool) (*View, error) {
	m.lock.Lock()
	defer m.lock.Unlock()
	if m.standing != nil {
		return nil, m.standing.refusal()
	}
	m.closeView()
	if err := m.look(); err != nil {
		return nil, err
	}
	if base == "" {
		return m.openFull(name)
	}
	if err := m.mayContinue(base); err != nil {
		return nil, err
	}
	if flushed {
		if err := m.flush(); err != nil {
			return nil, err
		}
	}
	taken, err := m.takeCounted(name)
	if err != nil {
		return nil, err
	}
	if err := m.history.Add(marks.Named{Name: name, Disks: taken}); err != nil {
		m.carry(taken)
		return nil, err
	}
	m.Seams.reach("taken")
	dirty, err := m.unions(since)
	if err != nil {
		return nil, err
	}
	m.view = &View{Name: name, Dirty: dirty, disks: m.Disks}
	return m.view, nil
}

func (m *Machine) flush() error {
	freezer, err := freezing.Open(freezing.FileSystems(m.Sys, m.Disks))
	if err != nil {
		return err
	}
	defer freezer.Close()
	return freezer.Sync()
}

func (m *Machine) openFull(name string) (*View, error) {
	if err := m.beginAnew(""); err != nil {
		return nil, err
	}
	everything, nothing := make([]*marks.Set, len(m.Disks)), make([]*marks.Set, len(m.Disks))
	for at, disk := range m.Disks {
		blocks := marks.Blocks(disk.SizeBytes)
		everything[at], nothing[at] = marks.NewSet(blocks), marks.NewSet(blocks)
		everything[at].Add(0, blocks-1)
	}
	if err := m.history.Add(marks.Named{Name: name, Disks: nothing}); err != nil {
		return nil, err
	}
	m.distrust = m.untracked
	m.view = &View{Name: name, Dirty: everything, disks: m.Disks}
	return m.view, nil
}

// mayContinue says why there are no marks since that base.
func (m *Machine) mayContinue(base string) error {
	switch {
	case m.untracked != "":
		return &Untracked{m.untracked}
	case m.distrust != "":
		return &ScanDue{m.distrust}
	case base != m.history.Acknowledged():
		return fmt.Errorf("marks count from %q on, not from %q: acknowledge it, or begin without a base",
			m.history.Acknowledged(), base)
	}
	return nil
}

// carry keeps what was taken for the next view.
func (m *Machine) carry(taken []*marks.Set) {
	m.history.Add(marks.Named{Disks: taken})
}

// ScanDue says that marks may lack something, and why.
type ScanDue struct{ Reason string }

func (s *ScanDue) Error() string { return s.Reason + " Compare all disks with their digests." }
