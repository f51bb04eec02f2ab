package disks

import (
	"fmt"
	"os"
	"regexp"
	"sort"
	"strings"
	"syscall"
)

var (
	hiddenPath = regexp.MustCompile(`^(nvme\d+)c\d+(n\d+)$`)
	noDisk     = regexp.MustCompile(`^(sr|fd|dm-|md|ram|loop|nbd)\d`)
	bioBased   = regexp.MustCompile(`^(pmem|zram|drbd|bcache)\d`)
)

// Find returns the disks of this machine, by name. Loop devices count only if they are named.
func Find(sys Sys, loops []string) []*Disk {
	var found []*Disk
	for _, name := range sys.list("sys/block") {
		if !isDisk(sys, name) && !isNamed(sys, name, loops) {
			continue
		}
		found = append(found, describe(sys, name))
	}
	sort.Slice(found, func(a, b int) bool { return found[a].Name < found[b].Name })
	refuse(sys, found, loops)
	return found
}

// isDisk takes several paths to one disk, as the device mapper joins them, for that disk; a path alone is none.
func isDisk(sys Sys, name string) bool {
	if isMultipath(sys, name) {
		return true
	}
	if isPath(sys, name) {
		return false
	}
	there := sys.exists("sys/block", name, "device") || bioBased.MatchString(name)
	return there && !noDisk.MatchString(name) && sys.Word("sys/block", name, "hidden") != "1" &&
		sys.number("sys/block", name, "size") > 0
}

func isNamed(sys Sys, name string, loops []string) bool {
	return contains(loops, name) && sys.number("sys/block", name, "size") > 0
}

func isMultipath(sys Sys, name string) bool {
	return strings.HasPrefix(sys.Word("sys/block", name, "dm/uuid"), "mpath-")
}

func isPath(sys Sys, name string) bool {
	for _, holder := range sys.list("sys/block", name, "holders") {
		if isMultipath(sys, holder) {
			return true
		}
	}
	return false
}

// Signature changes whenever a disk comes, goes, grows, or becomes another one. The kernel gives each that comes a new
// inode, and since 5.15 a number of its own.
func Signature(sys Sys, loops []string) string {
	var words []string
	for _, name := range sys.list("sys/block") {
		if isDisk(sys, name) || isNamed(sys, name, loops) {
			words = append(words, name, identity(sys, name), sys.Word("sys/block", name, "size"))
		}
	}
	return strings.Join(words, " ")
}

func identity(sys Sys, name string) string {
	var about syscall.Stat_t
	syscall.Stat(sys.path("sys/block", name, "."), &about)
	return fmt.Sprint(about.Ino, " ", sys.Word("sys/block", name, "diskseq"))
}

func describe(sys Sys, name string) *Disk {
	disk := &Disk{Name: name, SizeBytes: sys.number("sys/block", name, "size") << 9}
	fmt.Sscanf(sys.Word("sys/block", name, "dev"), "%d:%d", &disk.Major, &disk.Minor)
	disk.Identity = identity(sys, name)
	disk.Holds = contentOf(sys, disk)
	disk.Key = keyOf(sys, disk)
	for _, other := range sys.list("sys/block") {
		if hiddenPath.ReplaceAllString(other, "$1$2") == name && other != name {
			disk.Paths = append(disk.Paths, other)
		}
	}
	return disk
}

func contains(list []string, word string) bool {
	for _, each := range list {
		if each == word {
			return true
		}
	}
	return false
}

// InContainer tells whether this root file system is that of a container, and not of a machine.
func InContainer(sys Sys) bool {
	if sys.exists("run/systemd/container") || sys.exists(".dockerenv") || sys.exists("run/.containerenv") {
		return true
	}
	environment, _ := os.ReadFile(sys.path("proc/1/environ"))
	return strings.Contains("\x00"+string(environment), "\x00container=")
}
