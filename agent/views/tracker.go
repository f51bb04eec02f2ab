package views

import (
	"secondsite/agent/disks"
	"secondsite/agent/marks"
	"secondsite/agent/tracking"
)

// tracker is what follows writes: programs in the kernel, or nothing.
type tracker interface {
	Take() ([]*marks.Set, error)
	Peek() ([]*marks.Set, error)
	Count(disk int) (tracking.Count, error)
	Programs() []uint64
	Misses() []uint64
	Close()
}

// blind is where the kernel cannot be asked to follow writes: it knows of none.
type blind struct{ blocks []int }

func (b blind) Take() ([]*marks.Set, error) {
	sets := make([]*marks.Set, len(b.blocks))
	for at, blocks := range b.blocks {
		sets[at] = marks.NewSet(blocks)
	}
	return sets, nil
}

func (b blind) Peek() ([]*marks.Set, error)       { return b.Take() }
func (b blind) Count(int) (tracking.Count, error) { return tracking.Count{}, nil }
func (b blind) Programs() []uint64                { return []uint64{} }
func (b blind) Misses() []uint64                  { return []uint64{} }
func (b blind) Close()                            {}

// Untracked says that no write can be followed here: disks can be read as they are, and there is no instant.
type Untracked struct{ Reason string }

func (u *Untracked) Error() string {
	return "Writes cannot be followed on this machine, so that there are only live views of everything: " + u.Reason
}

// follow begins to follow disks. Where the kernel refuses, the machine can be read all the same.
func (m *Machine) follow(list []*disks.Disk) tracker {
	watched := make([]tracking.Disk, len(list))
	blocks := make([]int, len(list))
	for at, disk := range list {
		watched[at] = tracking.Disk{
			Major: disk.Major, Minor: disk.Minor, SizeBytes: disk.SizeBytes, Paths: disk.Paths,
		}
		blocks[at] = marks.Blocks(disk.SizeBytes)
	}
	if m.ScanOnly {
		m.untracked = "the owner chose so."
		return blind{blocks}
	}
	started, err := tracking.Start(watched)
	if err != nil {
		m.untracked = err.Error() + "."
		return blind{blocks}
	}
	m.untracked = ""
	return started
}
