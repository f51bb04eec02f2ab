package views

import (
	"errors"
	"fmt"
	"time"

	"secondsite/agent/digests"
	"secondsite/agent/disks"
	"secondsite/agent/marks"
	"secondsite/agent/proof"
	"secondsite/agent/restraint"
)

// scan is a comparison of all disks that is under way.
type scan struct {
	base            string
	compared, found []*marks.Set
}

const (
	beginTries = 10
	beginPause = 300 * time.Millisecond
)

// beginAnew lets marks count from now on, from an instant at which nothing was on its way.
func (m *Machine) beginAnew(base string) error {
	m.valid = nil
	m.distrust, m.scan = "The disks were not compared to their end.", nil
	now, err := m.count()
	for try := 1; try < beginTries && err != nil; try++ {
		time.Sleep(beginPause)
		now, err = m.count()
	}
	if err != nil {
		return err
	}
	m.since = now
	m.history.Restart(base)
	return nil
}

// count forgets all marks and counts everything while the file systems stand still. What they discard in the background
// goes on then (btrfs), and raw writers do: it may need a second try.
func (m *Machine) count() (now proof.Evidence, err error) {
	window, err := m.standstill(func() (err error) {
		if _, err = m.tracker.Take(); err == nil {
			now, err = m.evidence()
		}
		return err
	})
	if err == nil && window.Alarm != "" {
		err = errors.New(window.Alarm)
	}
	if err == nil {
		err = proof.Begins(now)
	}
	return now, err
}

// BeginScan begins to compare all disks with what the other side holds as `base`.
func (m *Machine) BeginScan(base string) error {
	m.lock.Lock()
	defer m.lock.Unlock()
	if m.standing != nil {
		return m.standing.refusal()
	}
	m.closeView()
	if err := m.look(); err != nil {
		return err
	}
	if m.untracked != "" {
		return &Untracked{m.untracked}
	}
	if base == "" {
		return fmt.Errorf("a scan needs the name of what it compares with")
	}
	if err := m.beginAnew(base); err != nil {
		return err
	}
	m.scan = &scan{base, m.emptySets(), m.emptySets()}
	return nil
}

// EndScan makes that the base, if every block was compared: what differs is in the next view.
func (m *Machine) EndScan() (differing int, err error) {
	m.lock.Lock()
	defer m.lock.Unlock()
	if m.scan == nil {
		return 0, fmt.Errorf("no scan is under way")
	}
	for at, disk := range m.Disks {
		if left := m.scan.compared[at].Blocks() - m.scan.compared[at].Count(); left > 0 {
			return 0, fmt.Errorf("%d blocks of disk %s were not compared", left, disk.Key)
		}
		differing += m.scan.found[at].Count()
	}
	m.carry(m.scan.found)
	m.scan, m.distrust = nil, ""
	return differing, nil
}

// Compared is what a comparison found.
type Compared struct {
	Blocks    int `json:"blocks"`
	Differing int `json:"differing"`
	// Unmarked are blocks that differ although no mark covers them; only where marks were trusted.
	Unmarked []int `json:"unmarked"`
	// Seconds of processor and of time.
	Seconds float64 `json:"seconds"`
}

const mostUnmarked = 64

// Compare reads blocks of a disk from `first` on, and marks those that differ from what is expected.
func (m *Machine) Compare(disk, first int, expected []digests.Digest) (Compared, error) {
	m.lock.Lock()
	defer m.lock.Unlock()
	began := time.Now()
	if last := first + len(expected); first < 0 || last > marks.Blocks(m.Disks[disk].SizeBytes) {
		return Compared{}, fmt.Errorf("disk %s has no blocks %d to %d", m.Disks[disk].Key, first, last-1)
	}
	var differing []int
	var err error
	restraint.Unhurried(func() {
		differing, err = differences(m.Disks[disk], first, expected, restraint.NewRate(m.ScanBytes))
	})
	if err != nil {
		return Compared{}, err
	}
	found := Compared{Blocks: len(expected), Differing: len(differing), Unmarked: []int{}}
	err = m.note(disk, first, len(expected), differing, &found)
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
	m.distrust = fmt.Sprintf("Block %d of disk %s differs, and nothing marked it.", unmarked[0], m.Disks[disk].Key)
	if len(unmarked) > mostUnmarked {
		unmarked = unmarked[:mostUnmarked]
	}
	found.Unmarked = unmarked
	return nil
}

func without(marked *marks.Set, blocks []int) (left []int) {
	for _, block := range blocks {
		if !marked.Has(block) {
			left = append(left, block)
		}
	}
	return left
}

const portion = 16

// differences reads the blocks in portions of 1 MiB.
func differences(disk *disks.Disk, first int, expected []digests.Digest, rate *restraint.Rate) ([]int, error) {
	buffer, err := disks.Buffer(portion * marks.BlockBytes)
	if err != nil {
		return nil, err
	}
	defer disks.FreeBuffer(buffer)
	var differing []int
	for at := 0; at < len(expected); at += portion {
		offset := int64(first+at) * marks.BlockBytes
		content := buffer[:least(int64(len(buffer)), int64(len(expected)-at)*marks.BlockBytes, disk.SizeBytes-offset)]
		rate.Wait(int64(len(content)))
		if err := disk.ReadAt(content, offset); err != nil {
			return nil, err
		}
		for from := 0; from < len(content); from += marks.BlockBytes {
			block := content[from:least(int64(len(content)), int64(from+marks.BlockBytes))]
			if number := at + from/marks.BlockBytes; !digests.Matches(block, expected[number]) {
				differing = append(differing, first+number)
			}
		}
	}
	return differing, nil
}

func least(numbers ...int64) int64 {
	found := numbers[0]
	for _, number := range numbers {
		if number < found {
			found = number
		}
	}
	return found
}
