package machine

import (
	"regexp"
	"strings"
)

// Named is a file system that is mounted by a name that will change.
type Named struct {
	Device string `json:"device"`
	Where  string `json:"where"`
}

const mostNamed = 16

// Names that follow from the hardware: of the disk itself, of its place, of its serial.
var changing = regexp.MustCompile(`^/dev/(([shv]|xv)d[a-z]+\d*|nvme\d+n\d+(p\d+)?|mmcblk\d+(p\d+)?|disk/by-(path|id)/\S+)$`)

// A name of LVM's or md's own does not follow from the hardware, though it is found there.
var lasting = regexp.MustCompile(`^/dev/disk/by-id/(dm-|lvm-|md-)`)

func (r Root) named() []Named {
	found := []Named{}
	add := func(device, where string) {
		if changing.MatchString(device) && !lasting.MatchString(device) && len(found) < mostNamed {
			found = append(found, Named{path(device), path(where)})
		}
	}
	for _, line := range r.lines("etc/fstab") {
		if fields := strings.Fields(line); len(fields) > 2 && !strings.HasPrefix(fields[0], "#") {
			add(fields[0], unescaped(fields[1]))
		}
	}
	for _, word := range strings.Fields(r.text("proc/cmdline")) {
		if strings.HasPrefix(word, "root=") {
			add(strings.TrimPrefix(word, "root="), "/")
		}
	}
	return found
}

// path takes out of a path what the other side would not take; `none` is where swap is mounted.
func path(text string) string {
	parts := strings.Split(text, "/")
	for at, part := range parts {
		parts[at] = plain(part)
	}
	kept := strings.Join(parts, "/")
	if !strings.HasPrefix(kept, "/") {
		return ""
	}
	if len(kept) > 255 {
		return kept[:255]
	}
	return kept
}
