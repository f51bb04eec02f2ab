package freezing

import (
	"os"
	"strings"
	"syscall"

	"secondsite/agent/disks"
)

// FileSystem is one that is mounted for writing and lies on one of the disks.
type FileSystem struct {
	Mount string   `json:"mount"`
	Kind  string   `json:"kind"`
	Disks []string `json:"disks"`
}

// FileSystems returns those on the disks in the order in which they were mounted, each once.
func FileSystems(sys disks.Sys, found []*disks.Disk) []FileSystem {
	var systems []FileSystem
	seen := map[string]bool{}
	text, _ := os.ReadFile(string(sys) + "/proc/self/mountinfo")
	for _, line := range strings.Split(string(text), "\n") {
		mount, ok := parse(line)
		if !ok || !mount.writable || seen[mount.number] {
			continue
		}
		below := standsOn(sys, mount, found)
		if len(below) == 0 || !reachable(mount) {
			continue
		}
		seen[mount.number] = true
		systems = append(systems, FileSystem{mount.point, mount.kind, below})
	}
	return systems
}

type mount struct {
	number, point, kind, source string
	writable                    bool
}

func parse(line string) (mount, bool) {
	head, tail, found := strings.Cut(line, " - ")
	front, back := strings.Fields(head), strings.Fields(tail)
	if !found || len(front) < 5 || len(back) < 3 {
		return mount{}, false
	}
	writable := strings.HasPrefix(back[2]+",", "rw,")
	return mount{front[2], unescape.Replace(front[4]), back[0], unescape.Replace(back[1]), writable}, true
}

var unescape = strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`)

const btrfsMagic = 0x9123683E

// reachable tells whether its mount point leads to it, and not to what was mounted over it. Only file systems on the
// disks are asked: one of a network may never answer.
func reachable(m mount) bool {
	var stat syscall.Stat_t
	var about syscall.Statfs_t
	if m.kind == "btrfs" {
		return syscall.Statfs(m.point, &about) == nil && about.Type == btrfsMagic
	}
	return syscall.Stat(m.point, &stat) == nil && disks.Number(stat.Dev) == m.number
}

func standsOn(sys disks.Sys, m mount, found []*disks.Disk) []string {
	numbers := []string{m.number}
	if m.kind == "btrfs" {
		numbers = disks.Members(sys, m.source)
	}
	var below []string
	seen := map[string]bool{}
	for _, number := range numbers {
		for _, name := range disks.Below(sys, number, found) {
			if !seen[name] {
				seen[name] = true
				below = append(below, name)
			}
		}
	}
	return below
}
