package views

import (
	"fmt"
	"time"

	"secondsite/agent/digests"
	"secondsite/agent/marks"
	"secondsite/agent/proof"
)

// Compared is what a comparison found.
type Compared struct {
	// Blocks is how many were compared: fewer than were asked for if that took too long, but at least one.
	Blocks    int `json:"blocks"`
	Differing int `json:"differing"`
	// Unmarked are blocks that differ although no mark covers them; only where marks were trusted.
	Unmarked []int `json:"unmarked"`
	// Noticed is why marks would not have been trusted any more without this comparison either, a sentence; empty if
	// nothing but it shows what is unmarked.
	Noticed string `json:"noticed,omitempty"`
	// Seconds of processor and of time.
	Seconds float64 `json:"seconds"`
}

const mostUnmarked = 64

// Expected is what blocks of a disk should hold, from the first on.
type Expected struct {
	Disk, First int
	Digests     []digests.Digest
	// Base is the instant at which they held it; empty within a scan.
	Base string
	// Within is after what time there is an answer about those that were compared by then; 0 is without bound.
	Within time.Duration
}

// Compare reads blocks, and marks those that differ from what is expected.
func (m *Machine) Compare(expected Expected) (Compared, error) {
	m.lock.Lock()
	defer m.lock.Unlock()
	began := time.Now()
	if expected.Base != "" {
		if err := m.mayContinue(expected.Base); err != nil {
			return Compared{}, err
		}
	}
	differing := []int{}
	count, err := m.readBlocks(
		stretch{expected.Disk, expected.First, len(expected.Digests), expected.Within},
		func(block int, content []byte) {
			if !digests.Matches(content, expected.Digests[block-expected.First]) {
				differing = append(differing, block)
			}
		})
	if err != nil {
		return Compared{}, err
	}
	found := Compared{Blocks: count, Differing: len(differing), Unmarked: []int{}}
	err = m.note(expected.Disk, expected.First, count, differing, &found)
	found.Seconds = time.Since(began).Seconds()
	return found, err
}

func (m *Machine) note(disk, first, count int, differing []int, found *Compared) error {
	if m.scan != nil {
		m.scan.compared[disk].Add(first, first+count-1)
		for _, block := range differing {
			m.scan.found[disk].Add(block, block)
		}
		return nil
	}
	if len(differing) == 0 || m.distrust != "" {
		return nil
	}
	return m.noteRolling(disk, differing, found)
}

// noteRolling looks for marks of what differs. A write may be read before its completion is marked: so it looks again.
func (m *Machine) noteRolling(disk int, differing []int, found *Compared) error {
	var unmarked []int
	for _, pause := range []time.Duration{0, 100 * time.Millisecond, 2 * time.Second} {
		time.Sleep(pause)
		fresh, err := m.tracker.Peek()
		if err != nil {
			return err
		}
		fresh[disk].Merge(m.history.Union(disk, fresh[disk].Blocks()))
		if unmarked = without(fresh[disk], differing); len(unmarked) == 0 {
			return nil
		}
	}
	lost := m.emptySets()
	for _, block := range unmarked {
		lost[disk].Add(block, block)
	}
	m.carry(lost)
	found.Noticed = m.noticed()
	m.distrust = fmt.Sprintf("Block %d of disk %s differs, and nothing marked it.", unmarked[0], m.Disks[disk].Key)
	if len(unmarked) > mostUnmarked {
		unmarked = unmarked[:mostUnmarked]
	}
	found.Unmarked = unmarked
	return nil
}

// noticed is why the next instant would have been none: then no earlier one lacks what was found.
func (m *Machine) noticed() (reason string) {
	_, err := m.standstill(func() error {
		now, err := m.evidence()
		if verdict := proof.Judge(m.since, now, proof.Window{}); err == nil && verdict.ScanDue {
			reason = verdict.Reason
		}
		return err
	})
	if err != nil {
		return ""
	}
	return reason
}

func without(marked *marks.Set, blocks []int) (left []int) {
	for _, block := range blocks {
		if !marked.Has(block) {
			left = append(left, block)
		}
	}
	return left
}
