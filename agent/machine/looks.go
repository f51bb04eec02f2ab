package machine

import (
	"encoding/hex"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Looks are what an operator should know before the hour of need.
type Looks struct {
	SSH             SSH          `json:"ssh"`
	Clock           Clock        `json:"clock"`
	FileSystems     []FileSystem `json:"file_systems"`
	RestartRequired bool         `json:"restart_required"`
	NewerKernel     string       `json:"newer_kernel"`
	// HooksLate is for how many seconds applications rested until somebody else than the agent let them go on.
	HooksLate float64 `json:"hooks_late_seconds"`
}

// SSH is whether somebody could log in. LetIn: open, closed, unknown. AtBoot: whether systemd starts a server at boot;
// null where something else starts what runs here.
type SSH struct {
	Listens bool   `json:"listens"`
	AtBoot  *bool  `json:"at_boot"`
	Ports   []int  `json:"ports"`
	LetIn   string `json:"let_in"`
}

// Clock is the machine's. Synchronized: whether something keeps it right; null if not known.
type Clock struct {
	At           float64 `json:"at"`
	Synchronized *bool   `json:"synchronized"`
}

// FileSystem is a mounted one on disks.
type FileSystem struct {
	Where     string `json:"where"`
	Kind      string `json:"kind"`
	SizeBytes uint64 `json:"size_bytes"`
	FreeBytes uint64 `json:"free_bytes"`
}

const mostFileSystems = 128

func (t *Teller) looks(kernels []Kernel, mounted []mount) Looks {
	r := t.Root
	found := Looks{SSH: r.ssh(), Clock: clock(), FileSystems: r.room(mounted)}
	found.SSH.LetIn = r.letIn(found.SSH.Ports)
	found.RestartRequired = r.exists("run/reboot-required") || r.exists("var/run/reboot-required")
	for _, kernel := range kernels {
		if kernel.Default && !kernel.Running {
			found.NewerKernel = kernel.Release
		}
	}
	return found
}

func (r Root) ssh() SSH {
	found := SSH{Ports: []int{}, AtBoot: r.startsSSH()}
	for _, file := range append(r.files(".conf", "etc/ssh/sshd_config.d"), "/etc/ssh/sshd_config") {
		for _, line := range r.lines(within(file)) {
			fields := strings.Fields(line)
			if len(fields) != 2 || !strings.EqualFold(fields[0], "port") || len(found.Ports) == mostFew {
				continue
			}
			if port, err := strconv.ParseUint(fields[1], 10, 16); err == nil {
				found.Ports = append(found.Ports, int(port))
			}
		}
	}
	if len(found.Ports) == 0 {
		found.Ports = []int{22}
	}
	for _, port := range found.Ports {
		found.Listens = found.Listens || r.listens(port)
	}
	return found
}

// startsSSH tells by systemd's notes of what it starts. A masked server has its note still.
func (r Root) startsSSH() *bool {
	if r.word("proc/1/comm") != "systemd" {
		return nil
	}
	found := false
	for _, name := range []string{"ssh.service", "sshd.service", "dropbear.service", "ssh.socket", "sshd.socket", "dropbear.socket"} {
		for _, folder := range []string{"etc/systemd/system", "usr/lib/systemd/system", "lib/systemd/system"} {
			for _, target := range []string{"multi-user", "sockets"} {
				found = found || r.exists(folder, target+".target.wants", name) && !r.isMasked(name)
			}
		}
	}
	return &found
}

func (r Root) isMasked(unit string) bool {
	return r.linked("etc/systemd/system", unit) == "null"
}

const (
	listening    = "0A"
	unkept       = 0x40 // STA_UNSYNC: nobody has set the clock right for some time
	clockInError = 5    // TIME_ERROR
)

// listens tells whether somebody listens there, not only for the machine itself.
func (r Root) listens(port int) bool {
	for _, file := range []string{"proc/1/net/tcp", "proc/1/net/tcp6"} {
		for _, line := range r.lines(file) {
			fields := strings.Fields(line)
			if len(fields) < 4 || fields[3] != listening {
				continue
			}
			address, at, _ := strings.Cut(fields[1], ":")
			if number, err := strconv.ParseUint(at, 16, 16); err == nil && int(number) == port && !isLoopback(address) {
				return true
			}
		}
	}
	return false
}

// isLoopback reads an address as the kernel writes it: words of four bytes, each turned round.
func isLoopback(address string) bool {
	raw, err := hex.DecodeString(address)
	if err != nil {
		return false
	}
	if len(raw) == 4 {
		return raw[3] == 127
	}
	return strings.EqualFold(address, "00000000000000000000000001000000")
}

func clock() Clock {
	found := Clock{At: float64(time.Now().UnixNano()/1000) / 1e6}
	var state unix.Timex
	if got, err := unix.Adjtimex(&state); err == nil {
		kept := got != clockInError && state.Status&unkept == 0
		found.Synchronized = &kept
	}
	return found
}

// room is what is free, of each file system once, however often it is mounted.
func (r Root) room(mounted []mount) []FileSystem {
	found, seen := []FileSystem{}, map[string]bool{}
	for _, each := range mounted {
		var stat unix.Statfs_t
		if seen[each.number] || len(found) == mostFileSystems || unix.Statfs(r.path(within(each.where)), &stat) != nil {
			continue
		}
		seen[each.number] = true
		where := path(filepath.Clean(each.where))
		if readOnly := stat.Flags&unix.ST_RDONLY != 0; readOnly || stat.Blocks == 0 || where == "" {
			continue
		}
		size := uint64(stat.Bsize)
		found = append(found, FileSystem{where, plain(each.kind), stat.Blocks * size, stat.Bavail * size})
	}
	return found
}

// letIn asks nft, which shows what the new iptables set as well. Filters by the old one it does not show.
func (r Root) letIn(ports []int) string {
	if hasWord(strings.Fields(r.text("proc/1/net/ip_tables_names")), "filter") {
		return unknown
	}
	loaded := strings.Contains("\n"+r.text("proc/modules"), "\nnf_tables ")
	if !loaded && !r.modulesIn("lib/modules", r.release(), "modules.builtin")["nf_tables"] {
		return open
	}
	return letIn(ask("nft", "-j", "list", "ruleset"), ports)
}
