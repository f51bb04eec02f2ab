package machine

import (
	"path/filepath"
	"strings"

	"secondsite/agent/disks"
)

const mostMounts = 4096

type mount struct {
	number, where, kind, source string
}

// numbers are of the devices that it lies on: btrfs, which may have several, has a number of its own.
func (m mount) numbers(sys disks.Sys) []string {
	if m.kind == "btrfs" {
		return disks.Members(sys, m.source)
	}
	return []string{m.number}
}

// mounts are the mounted file systems of block devices, as process 1 has them.
func (r Root) mounts() []mount {
	var found []mount
	for _, line := range r.lines("proc/1/mountinfo") {
		fields := strings.Fields(line)
		after := index(fields, "-")
		if len(fields) < 10 || after < 5 || after+2 >= len(fields) || len(found) == mostMounts {
			continue
		}
		each := mount{fields[2], unescaped(fields[4]), fields[after+1], unescaped(fields[after+2])}
		if strings.HasPrefix(each.source, "/dev/") && fields[3] == "/" || each.kind == "btrfs" {
			found = append(found, each)
		}
	}
	return found
}

func index(words []string, wanted string) int {
	for at, each := range words {
		if each == wanted {
			return at
		}
	}
	return -1
}

func unescaped(text string) string {
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(text)
}

func mountedAt(mounted []mount, where string) (mount, bool) {
	for at := len(mounted) - 1; at >= 0; at-- {
		if mounted[at].where == where {
			return mounted[at], true
		}
	}
	return mount{}, false
}

// within is a folder of this machine, as a path below the root.
func within(folder string, parts ...string) string {
	return strings.TrimPrefix(filepath.Join(append([]string{folder}, parts...)...), "/")
}
