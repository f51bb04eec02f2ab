package disks

import (
	"fmt"
	"path/filepath"
	"strings"
)

// Span is a part of a disk, in bytes.
type Span struct {
	Disk     string
	From, To int64
}

// Spans returns where the content of a device, by its name, lies on the disks: through partitions, and the layers that
// map straight (LVM's linear volumes, LUKS). Nothing if that is unknown.
func Spans(sys Sys, name string, found []*Disk) []Span { return spans(sys, name, found, deepest) }

func spans(sys Sys, name string, found []*Disk, depth int) []Span {
	for _, disk := range found {
		if disk.Name == name {
			return []Span{{name, 0, disk.SizeBytes}}
		}
	}
	switch device := sys.linked("sys/class/block", name); {
	case device == "" || depth == 0:
		return nil
	case sys.exists("sys/class/block", name, "partition"):
		start := sys.number("sys/class/block", name, "start") << 9
		size := sys.number("sys/class/block", name, "size") << 9
		return cut(spans(sys, filepath.Base(filepath.Dir(device)), found, depth-1), start, start+size)
	case strings.HasPrefix(name, "dm-"):
		return mapped(sys, name, found, depth)
	}
	return nil
}

// mapped follows a mapping only if all of it is straight.
func mapped(sys Sys, name string, found []*Disk, depth int) (all []Span) {
	var major, minor uint32
	fmt.Sscanf(sys.Word("sys/class/block", name, "dev"), "%d:%d", &major, &minor)
	for _, target := range tableOfMapping(major, minor) {
		number, offset, straight := target.straight()
		if !straight {
			return nil
		}
		below := filepath.Base(sys.linked("sys/dev/block", number))
		all = append(all, cut(spans(sys, below, found, depth-1), offset<<9, (offset+target.sectors)<<9)...)
	}
	return all
}

// cut returns what lies from one place to another of a content that lies on these.
func cut(of []Span, from, to int64) (parts []Span) {
	for _, each := range of {
		length := each.To - each.From
		first, last := from, to
		if first < 0 {
			first = 0
		}
		if last > length {
			last = length
		}
		if first < last {
			parts = append(parts, Span{each.Disk, each.From + first, each.From + last})
		}
		from, to = from-length, to-length
	}
	return parts
}

// Mirrored returns what md keeps for itself on its members: superblocks and bitmaps, which it writes on its own.
func Mirrored(sys Sys, found []*Disk) (own []Span) {
	for _, array := range sys.list("sys/block") {
		if policy := sys.Word("sys/block", array, "md/consistency_policy"); policy == "journal" || policy == "ppl" {
			continue
		}
		for _, entry := range sys.list("sys/block", array, "md") {
			if member := strings.TrimPrefix(entry, "dev-"); member != entry {
				own = append(own, metadata(sys, array, entry, Spans(sys, member, found))...)
			}
		}
	}
	return own
}

func metadata(sys Sys, array, entry string, member []Span) []Span {
	first := sys.number("sys/block", array, "md", entry, "offset") << 9
	size := sys.number("sys/block", array, "md", entry, "size") << 10
	if size == 0 {
		return nil
	}
	const whole = 1 << 62
	return append(cut(member, 0, first), cut(member, first+size, whole)...)
}
