package views

import (
	"os"
	"path/filepath"
	"strings"

	"secondsite/agent/disks"
	"secondsite/agent/marks"
)

// restless is the blocks of each disk that may change while its file systems stand still: swap, which nobody reads after
// a start, and what md notes of its members. Only whole blocks are.
func restless(sys disks.Sys, found []*disks.Disk) []*marks.Set {
	sets := make([]*marks.Set, len(found))
	for at, disk := range found {
		sets[at] = marks.NewSet(marks.Blocks(disk.SizeBytes))
	}
	for _, span := range append(swapped(sys, found), disks.Mirrored(sys, found)...) {
		for at, disk := range found {
			if disk.Name == span.Disk {
				addWhole(sets[at], span, disk.SizeBytes)
			}
		}
	}
	return sets
}

func addWhole(into *marks.Set, span disks.Span, size int64) {
	last := int(span.To/marks.BlockBytes) - 1
	if span.To == size {
		last = into.Blocks() - 1
	}
	into.Add(int((span.From+marks.BlockBytes-1)/marks.BlockBytes), last)
}

func swapped(sys disks.Sys, found []*disks.Disk) (spans []disks.Span) {
	text, _ := os.ReadFile(string(sys) + "/proc/swaps")
	for _, line := range strings.Split(string(text), "\n") {
		if words := strings.Fields(line); len(words) > 1 && words[1] == "partition" {
			spans = append(spans, disks.Spans(sys, filepath.Base(words[0]), found)...)
		}
	}
	return spans
}
