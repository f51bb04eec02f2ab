package machine

import (
	"os"
	"sync"

	"golang.org/x/sys/unix"

	"secondsite/agent/disks"
)

// Told is all of it, as it goes over the wire. Null stands for what could not be told.
type Told struct {
	Name        string   `json:"name"`
	Firmware    Firmware `json:"firmware"`
	VCPUs       int      `json:"vcpus"`
	MemoryBytes uint64   `json:"memory_bytes"`
	Disks       []Disk   `json:"disks"`
	Cards       []Card   `json:"cards"`
	DNS         []string `json:"dns"`
	Kernels     []Kernel `json:"kernels"`
	Tool        string   `json:"tool"`
	HostOnly    *bool    `json:"host_only"`
	FileSystem  RootFS   `json:"root"`
	Named       []Named  `json:"named"`
	Looks       Looks    `json:"looks"`
}

// Disk is one of this machine, in boot order.
type Disk struct {
	Key       string `json:"key"`
	Name      string `json:"name"`
	SizeBytes int64  `json:"size_bytes"`
	// SectorBytes is what its partitions are counted in.
	SectorBytes int64  `json:"sector_bytes"`
	Refused     string `json:"refused,omitempty"`
	Boots       bool   `json:"boots"`
}

// Teller tells of a machine. It remembers what it read of an initramfs, which takes long, while that is the same file.
type Teller struct {
	Root Root
	// Interfaces gives addresses; that of this process but in tests.
	Interfaces func() []Interface
	// Run runs a program of this machine within its time; not set in tests that have none.
	Run Runner

	lock sync.Mutex
	read map[string]*packed
}

// Here tells of the machine that this process runs on.
func Here() *Teller {
	return &Teller{Root: "/", Interfaces: ofKernel, Run: runHere}
}

// Tell takes a moment, but for the first time and whenever an initramfs was made anew: then some seconds.
func (t *Teller) Tell(found []*disks.Disk) Told {
	t.lock.Lock()
	defer t.lock.Unlock()
	r := t.Root
	mounted := r.mounts()
	tool, hostOnly := r.initramfsTool()
	told := Told{
		Name:       plain(r.hostName()),
		Firmware:   r.firmware(mounted),
		VCPUs:      r.processors(),
		Disks:      r.bootOrder(found, mounted),
		DNS:        r.dns(),
		Kernels:    t.kernels(),
		Tool:       tool,
		HostOnly:   hostOnly,
		FileSystem: r.rootFS(mounted),
		Named:      r.named(),
	}
	told.MemoryBytes = r.memoryBytes()
	told.Cards = r.cards(t.Interfaces())
	told.Looks = t.looks(told.Kernels, mounted)
	return told
}

func (r Root) hostName() string {
	if name := r.word("proc/sys/kernel/hostname"); name != "" {
		return name
	}
	name, _ := os.Hostname()
	return name
}

func (r Root) release() string {
	if release := r.word("proc/sys/kernel/osrelease"); release != "" {
		return release
	}
	var name unix.Utsname
	unix.Uname(&name)
	return unix.ByteSliceToString(name.Release[:])
}

// bootOrder puts the disks first that the root and the boot loader lie on.
func (r Root) bootOrder(found []*disks.Disk, mounted []mount) []Disk {
	sys := disks.Sys(r)
	var first []string
	for _, where := range []string{"/boot/efi", "/efi", "/boot", "/"} {
		for _, each := range mounted {
			if each.where == where {
				for _, number := range each.numbers(sys) {
					first = append(first, disks.Below(sys, number, found)...)
				}
			}
		}
	}
	var before, after []Disk
	for _, name := range first {
		for _, disk := range found {
			if disk.Name == name && !isListed(before, disk.Key) {
				before = append(before, r.told(disk, true))
			}
		}
	}
	for _, disk := range found {
		if !isListed(before, disk.Key) {
			after = append(after, r.told(disk, false))
		}
	}
	return append(before, after...)
}

func (r Root) told(disk *disks.Disk, boots bool) Disk {
	return Disk{disk.Key, plain(disk.Name), disk.SizeBytes, disks.SectorBytes(disks.Sys(r), disk.Name), disk.Refused, boots}
}

func isListed(list []Disk, key string) bool {
	for _, each := range list {
		if each.Key == key {
			return true
		}
	}
	return false
}

func (r Root) dns() []string {
	found := r.servers("etc/resolv.conf")
	if len(found) == 1 && found[0] == "127.0.0.53" {
		return r.servers("run/systemd/resolve/resolv.conf")
	}
	return found
}
