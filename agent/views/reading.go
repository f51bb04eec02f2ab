package views

import (
	"fmt"
	"time"

	"secondsite/agent/digests"
	"secondsite/agent/disks"
	"secondsite/agent/marks"
	"secondsite/agent/restraint"
)

// stretch is blocks of a disk that are read in order, and how long that may take; 0 is without bound.
type stretch struct {
	disk, first, count int
	within             time.Duration
}

const portion = 16

// readBlocks reads them in portions of 1 MiB, unhurried and at the rate of a scan; at least one portion. How many blocks
// there was time for.
func (m *Machine) readBlocks(wanted stretch, each func(block int, content []byte)) (count int, err error) {
	disk := m.Disks[wanted.disk]
	if wanted.first < 0 || wanted.count < 1 || wanted.count > marks.Blocks(disk.SizeBytes)-wanted.first {
		return 0, fmt.Errorf("disk %s has no blocks %d to %d", disk.Key, wanted.first, wanted.first+wanted.count-1)
	}
	buffer, err := disks.Buffer(portion * marks.BlockBytes)
	if err != nil {
		return 0, err
	}
	defer disks.FreeBuffer(buffer)
	restraint.Unhurried(func() { count, err = wanted.read(disk, buffer, m.rate, each) })
	return count, err
}

func (s stretch) read(disk *disks.Disk, buffer []byte, rate *restraint.Rate, each func(int, []byte)) (int, error) {
	began := time.Now()
	for at := 0; at < s.count; at += portion {
		if at > 0 && s.within > 0 && time.Since(began) > s.within {
			return at, nil
		}
		offset := int64(s.first+at) * marks.BlockBytes
		content := buffer[:least(int64(len(buffer)), int64(s.count-at)*marks.BlockBytes, disk.SizeBytes-offset)]
		rate.Wait(int64(len(content)))
		if err := disk.ReadAt(content, offset); err != nil {
			return at, err
		}
		for from := 0; from < len(content); from += marks.BlockBytes {
			each(s.first+at+from/marks.BlockBytes, content[from:least(int64(len(content)), int64(from+marks.BlockBytes))])
		}
	}
	return s.count, nil
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

// Digested is what blocks of a disk hold now.
type Digested struct {
	// Blocks is how many there was time for, at least one.
	Blocks int `json:"blocks"`
	// Digests are sixteen bytes for each of them: zeros for a block of zeros.
	Digests []byte `json:"digests"`
	// Pages are sixteen bytes for each page of 4 KiB of those that are no zeros.
	Pages []byte `json:"pages"`
}

// MostDigested is how many blocks one answer is about.
const MostDigested = 1024

// Digests reads blocks from the first on, so that only what differs needs to be sent.
func (m *Machine) Digests(disk, first, count int, within time.Duration) (found Digested, err error) {
	m.lock.Lock()
	defer m.lock.Unlock()
	if count > MostDigested {
		return found, fmt.Errorf("%d blocks are more than %d", count, MostDigested)
	}
	found.Blocks, err = m.readBlocks(stretch{disk, first, count, within}, func(_ int, content []byte) {
		if digests.IsZero(content) {
			found.Digests = append(found.Digests, digests.Hole[:]...)
			return
		}
		digest := digests.Of(content)
		found.Digests = append(found.Digests, digest[:]...)
		found.Pages = append(found.Pages, digests.OfPages(content)...)
	})
	return found, err
}
