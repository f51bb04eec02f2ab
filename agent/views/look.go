package views

import (
	"fmt"
	"time"

	"secondsite/agent/disks"
	"secondsite/agent/marks"
	"secondsite/agent/proof"
)

// Finder finds the disks of this machine.
type Finder struct {
	Find func() []*disks.Disk
	// Signature changes whenever Find would find something else.
	Signature func() string
}

// followable opens those that can be followed; a disk that cannot be opened is refused.
func followable(found []*disks.Disk) (followed, refused []*disks.Disk) {
	for _, disk := range found {
		if disk.Refused == "" {
			if err := disk.Open(); err != nil {
				disk.Refused = err.Error()
			}
		}
		if disk.Refused == "" {
			followed = append(followed, disk)
		} else {
			refused = append(refused, disk)
		}
	}
	return followed, refused
}

// look follows disks that came or grew, with everything dirty that is new, and forgets those that went. The others keep
// their marks. It ends the view, so it is called before one is opened.
func (m *Machine) look() error {
	if m.Finder.Find == nil || m.standing != nil {
		return nil
	}
	signature := m.Finder.Signature()
	if signature == m.signature {
		return nil
	}
	followed, refused := followable(m.Finder.Find())
	if len(followed) == 0 {
		return fmt.Errorf("there is no disk left that can be followed: `disks` says why")
	}
	m.signature, m.Refused = signature, refused
	if sameDisks(m.Disks, followed) {
		closeAll(followed)
		return nil
	}
	m.closeView()
	m.replace(followed)
	return nil
}

func sameDisks(one, other []*disks.Disk) bool {
	if len(one) != len(other) {
		return false
	}
	for at := range one {
		if !isSame(one[at], other[at]) || one[at].SizeBytes != other[at].SizeBytes {
			return false
		}
	}
	return true
}

func isSame(one, other *disks.Disk) bool {
	return one.Key == other.Key && one.Identity == other.Identity
}

func closeAll(list []*disks.Disk) {
	for _, disk := range list {
		disk.Close()
	}
}

// replace lets new programs follow the new list before it takes the last marks of the old ones, so that no write falls
// between the two. Both are counted at one instant, at which the equation of the old ones ends.
func (m *Machine) replace(list []*disks.Disk) {
	old := former{m.Disks, m.tracker, m.since}
	places := old.places(list)
	m.tracker, m.Disks = m.follow(list), list
	m.ended = make([]disks.Counts, len(list))
	m.valid = nil
	m.history.Rearrange(func(sets []*marks.Set) []*marks.Set { return m.moved(sets, places) }, m.unknown(old, places))
	if m.scan != nil {
		m.scan, m.distrust = nil, "Disks came or went while they were compared."
	}
	lost := m.handOver(old, places)
	if m.distrust == "" {
		m.distrust = lost
	}
	old.tracker.Close()
	closeAll(old.disks)
}

// former is what was followed before.
type former struct {
	disks   []*disks.Disk
	tracker tracker
	since   proof.Evidence
}

// places tells for each disk of the list where it was before; -1 if it was not there.
func (f former) places(list []*disks.Disk) []int {
	places := make([]int, len(list))
	for at, disk := range list {
		places[at] = -1
		for before, other := range f.disks {
			if isSame(disk, other) && disk.SizeBytes >= other.SizeBytes {
				places[at] = before
			}
		}
	}
	return places
}

func (m *Machine) moved(sets []*marks.Set, places []int) []*marks.Set {
	moved := m.emptySets()
	for at, before := range places {
		if before >= 0 {
			moved[at] = sets[before].Resized(moved[at].Blocks())
		}
	}
	return moved
}

// unknown is all of a disk that came, and what a disk grew by.
func (m *Machine) unknown(old former, places []int) []*marks.Set {
	unknown := m.emptySets()
	for at, before := range places {
		switch {
		case before < 0:
			unknown[at].Add(0, unknown[at].Blocks()-1)
		case old.disks[before].SizeBytes < m.Disks[at].SizeBytes:
			unknown[at].Add(int(old.disks[before].SizeBytes/marks.BlockBytes), unknown[at].Blocks()-1)
		}
	}
	return unknown
}

// handOver takes the last marks of the old programs, and says why marks may be missing; empty if none are.
func (m *Machine) handOver(old former, places []int) string {
	var failed error
	for try := 0; try < beginTries; try++ {
		if try > 0 {
			time.Sleep(beginPause)
		}
		since, before, after, err := m.countBoth(old, places)
		if err == nil {
			err = proof.Begins(after)
		}
		if failed = err; err != nil {
			continue
		}
		m.since = after
		if verdict := proof.Judge(since, before, proof.Window{}); verdict.ScanDue {
			return verdict.Reason
		}
		return ""
	}
	return "Disks came or went, and counting could not begin anew: " + failed.Error() + "."
}

// countBoth counts what the old and the new programs saw up to one instant. The old marks are taken after it: what the
// old programs counted they have marked.
func (m *Machine) countBoth(old former, places []int) (since, before, after proof.Evidence, err error) {
	since = proof.Evidence{Boot: old.since.Boot, Programs: old.since.Programs}
	before = proof.Evidence{Boot: m.boot, Programs: old.tracker.Programs()}
	_, err = m.standstill(func() (err error) {
		if after, err = m.evidence(); err != nil {
			return err
		}
		for at, place := range places {
			if place < 0 || place >= len(old.since.Disks) {
				continue
			}
			one, err := m.countOld(old, at, place, after.Disks[at])
			if err != nil {
				return err
			}
			since.Disks, before.Disks = append(since.Disks, old.since.Disks[place]), append(before.Disks, one)
		}
		return nil
	})
	taken, failed := old.tracker.Take()
	if failed != nil {
		return since, before, after, failed
	}
	m.carry(m.moved(taken, places))
	return since, before, after, err
}

// countOld is settled only if the kernel counted nothing since the new programs were counted. A disk that grew was
// maybe written behind the end that it had: all of that is dirty.
func (m *Machine) countOld(old former, at, place int, fresh proof.Disk) (proof.Disk, error) {
	count, err := old.tracker.Count(place)
	if err != nil {
		return proof.Disk{}, err
	}
	now, err := m.Disks[at].Counts()
	if err != nil {
		return proof.Disk{}, err
	}
	if now.Bytes != fresh.Kernel {
		return proof.Disk{}, fmt.Errorf("disk %s is written all the time", fresh.Key)
	}
	if m.Disks[at].SizeBytes > old.disks[place].SizeBytes {
		count.Outside = old.since.Disks[place].Outside
	}
	return proof.Disk{
		Key: fresh.Key, Seen: count.Bytes, Kernel: fresh.Kernel, Passthrough: count.Passthrough, Outside: count.Outside,
		Settled: fresh.Settled,
	}, nil
}
