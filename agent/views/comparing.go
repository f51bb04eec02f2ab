package views

import (
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
	// Noticed is why marks are not trusted any more without this comparison either, a sentence; empty if nothing but it
	// shows what is unmarked. Who asked decides what becomes of that.
	Noticed string `json:"noticed,omitempty"`
	// Seconds of processor and of time.
	Seconds float64 `json:"seconds"`
}

const mostUnmarked = 64

// Expected is what blocks of a disk should hold, from the first on.
type Expected struct {
	Disk, First int
	Digests     []digests.Digest
	// Base is the instant at which they held it, from which marks count; empty within a scan.
	Base string
	// Within is after what time there is an answer about those that were compared by then; 0 is without bound.
	Within time.Duration
}

// Compare reads blocks, and tells which differ from what is expected; within a scan it marks them.
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
	unmarked, err := m.unmarked(disk, differing)
	if err != nil || len(unmarked) == 0 || m.distrust != "" {
		return err
	}
	found.Noticed = m.noticed()
	if len(unmarked) > mostUnmarked {
		unmarked = unmarked[:mostUnmarked]
	}
	found.Unmarked = unmarked
	return nil
}

// unmarked are those of the blocks that no mark covers. A write may be read before its completion is marked: so it looks
// again.
func (m *Machine) unmarked(disk int, differing []int) ([]int, error) {
	for _, pause := range []time.Duration{0, 100 * time.Millisecond, 2 * time.Second} {
		if len(differing) == 0 {
			break
		}
		time.Sleep(pause)
		fresh, err := m.tracker.Peek()
		if err != nil {
			return nil, err
		}
		fresh[disk].Merge(m.history.Union(disk, fresh[disk].Blocks()))
		differing = without(fresh[disk], differing)
	}
	return differing, nil
}

// noticed is why the next instant would have been none without this: then no earlier one lacks what was found. It is
// counted while the file systems stand still, since on a busy disk it never could be else.
func (m *Machine) noticed() string {
	m.standstill(func() error {
		now, err := m.evidence()
		if err != nil {
			return err
		}
		if verdict := proof.Judge(m.since, now, proof.Window{}); verdict.ScanDue {
			m.distrust = verdict.Reason
		}
		return nil
	})
	return m.distrust
}

func without(marked *marks.Set, blocks []int) (left []int) {
	for _, block := range blocks {
		if !marked.Has(block) {
			left = append(left, block)
		}
	}
	return left
}
