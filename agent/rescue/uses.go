package rescue

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"secondsite/agent/disks"
)

// usesOf tells of each disk that this system has in use what for, by its name.
func usesOf(sys disks.Sys, found []*disks.Disk) map[string]string {
	uses := map[string]string{}
	note := func(number, use string) {
		for _, name := range disks.Below(sys, number, found) {
			if uses[name] == "" || strings.HasPrefix(use, "the running") {
				uses[name] = use
			}
		}
	}
	for _, line := range lines(sys, "proc/self/mountinfo") {
		for _, number := range numbersOf(sys, line) {
			note(number, "the running system has "+line[4]+" on it")
		}
	}
	for _, line := range lines(sys, "proc/swaps") {
		note(numberAt(line[0]), "it holds swap that is in use")
	}
	for _, disk := range found {
		if holder := holderOf(sys, disk.Name); holder != "" && uses[disk.Name] == "" {
			uses[disk.Name] = holder + " is assembled on it: stop that first"
		}
	}
	return uses
}

// lines are the words of each line of a file of the kernel; lines without five words are none of a mount or swap.
func lines(sys disks.Sys, file string) (found [][]string) {
	text, _ := os.ReadFile(filepath.Join(string(sys), file))
	for _, line := range strings.Split(string(text), "\n") {
		if words := strings.Fields(line); len(words) >= 5 {
			found = append(found, words)
		}
	}
	return found
}

// numbersOf are the devices of a mount. btrfs gives its mounts a number that is no device.
func numbersOf(sys disks.Sys, line []string) []string {
	number := line[2]
	for at, word := range line {
		if word == "-" && at+2 < len(line) && line[at+1] == "btrfs" {
			return disks.Members(sys, line[at+2])
		}
	}
	return []string{number}
}

func numberAt(path string) string {
	var stat syscall.Stat_t
	if syscall.Stat(path, &stat) != nil || stat.Mode&syscall.S_IFMT != syscall.S_IFBLK {
		return ""
	}
	return disks.Number(stat.Rdev)
}

// holderOf is a device that stands on the disk or on a part of it, as md and LVM do.
func holderOf(sys disks.Sys, name string) string {
	for _, pattern := range []string{"holders/*", name + "*/holders/*"} {
		found, _ := filepath.Glob(filepath.Join(string(sys), "sys/block", name, pattern))
		if len(found) > 0 {
			return filepath.Base(found[0])
		}
	}
	return ""
}
