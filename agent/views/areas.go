package views

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"secondsite/agent/disks"
	"secondsite/agent/marks"
)

// restless is the blocks of a disk that may change while its file systems stand still: partitions that are swap, which
// nobody reads after a start.
func restless(sys disks.Sys, disk *disks.Disk) *marks.Set {
	set := marks.NewSet(marks.Blocks(disk.SizeBytes))
	text, _ := os.ReadFile(string(sys) + "/proc/swaps")
	for _, line := range strings.Split(string(text), "\n") {
		words := strings.Fields(line)
		if len(words) < 2 || words[1] != "partition" {
			continue
		}
		if from, to, found := partition(sys, disk, filepath.Base(words[0])); found {
			set.Add(int((from+marks.BlockBytes-1)/marks.BlockBytes), int(to/marks.BlockBytes)-1)
		}
	}
	return set
}

// partition is where a partition of the disk lies, in bytes.
func partition(sys disks.Sys, disk *disks.Disk, name string) (from, to int64, found bool) {
	if name == disk.Name {
		return 0, disk.SizeBytes, true
	}
	var start, sectors int64
	fmt.Sscan(sys.Word("sys/block", disk.Name, name, "start"), &start)
	fmt.Sscan(sys.Word("sys/block", disk.Name, name, "size"), &sectors)
	return start << 9, (start + sectors) << 9, sectors > 0
}
