package machine

import (
	"path/filepath"
	"regexp"
	"sort"
	"strings"
)

// Kernel is an installed one.
type Kernel struct {
	Release   string `json:"release"`
	Initramfs string `json:"initramfs"`
	Default   bool   `json:"default"`
	Running   bool   `json:"running"`
	// Drivers says of each driver where it lies: built-in, initramfs, module, missing, unknown.
	Drivers map[string]string `json:"drivers"`
	// Unread is why its initramfs could not be read; empty if it could.
	Unread string `json:"unread,omitempty"`
}

const mostKernels = 16

// Drivers of hardware that a machine may get elsewhere, and of other servers that it may come home to.
var drivers = []string{
	"virtio_blk", "virtio_scsi", "virtio_pci", "ahci", "nvme", "vmw_pvscsi", "megaraid_sas", "mptsas", "mpt3sas", "sd_mod",
	"hpsa", "smartpqi", "aacraid", "mpi3mr", "mptspi", "ata_piix", "hv_storvsc", "xen_blkfront", "usb_storage", "uas",
	"virtio_net", "e1000e", "vmxnet3",
}

var images = regexp.MustCompile(`^(vmlinuz|vmlinux|kernel)-(\d.*)$`)

func (t *Teller) kernels() []Kernel {
	r, found := t.Root, []Kernel{}
	first := r.defaultKernel()
	for _, release := range r.releases() {
		kernel := Kernel{Release: plain(release), Running: release == r.release(), Default: release == first}
		packed := t.initramfs(release)
		kernel.Initramfs, kernel.Unread = packed.path, packed.unread
		kernel.Drivers = r.drivers(release, packed)
		found = append(found, kernel)
	}
	if len(found) == 1 {
		found[0].Default = true
	}
	return found
}

// releases are of the kernels in /boot, the newest first.
func (r Root) releases() []string {
	var found []string
	for _, name := range r.list("boot") {
		if match := images.FindStringSubmatch(name); match != nil && r.exists("lib/modules", match[2]) {
			found = append(found, match[2])
		}
	}
	sort.Slice(found, func(a, b int) bool { return newer(found[a], found[b]) })
	if len(found) > mostKernels {
		return found[:mostKernels]
	}
	return found
}

var numberOrWord = regexp.MustCompile(`\d+|[^\d]+`)

// newer compares numbers as numbers: 6.10 is newer than 6.9.
func newer(one, other string) bool {
	a, b := numberOrWord.FindAllString(one, -1), numberOrWord.FindAllString(other, -1)
	for at := 0; at < len(a) && at < len(b); at++ {
		x, y := strings.TrimLeft(a[at], "0"), strings.TrimLeft(b[at], "0")
		if x == y {
			continue
		}
		if len(x) != len(y) && isDigit(a[at]) && isDigit(b[at]) {
			return len(x) > len(y)
		}
		return x > y
	}
	return len(a) > len(b)
}

func isDigit(text string) bool { return text[0] >= '0' && text[0] <= '9' }

// initramfsOf is where distributions keep it; empty if there is none.
func (r Root) initramfsOf(release string) string {
	for _, name := range []string{"initrd.img-" + release, "initramfs-" + release + ".img", "initrd-" + release} {
		if r.exists("boot", name) {
			return "/boot/" + name
		}
	}
	return ""
}

func (r Root) drivers(release string, initramfs *packed) map[string]string {
	builtIn := r.modulesIn("lib/modules", release, "modules.builtin")
	installed := r.modulesIn("lib/modules", release, "modules.dep")
	found := map[string]string{}
	for _, name := range drivers {
		found[name] = presence(name, builtIn, installed, initramfs)
	}
	return found
}

func presence(name string, builtIn, installed map[string]bool, initramfs *packed) string {
	switch {
	case builtIn[name]:
		return "built-in"
	case initramfs.modules[name]:
		return "initramfs"
	case initramfs.unread != "" || builtIn == nil || installed == nil:
		return "unknown"
	case installed[name]:
		return "module"
	}
	return "missing"
}

// modulesIn reads names of modules from a file that depmod wrote; nil if it cannot be read.
func (r Root) modulesIn(parts ...string) map[string]bool {
	text := r.text(parts...)
	if text == "" {
		return nil
	}
	found := map[string]bool{}
	for _, line := range strings.Split(text, "\n") {
		path, _, _ := strings.Cut(line, ":")
		if name := moduleName(path); name != "" {
			found[name] = true
		}
	}
	return found
}

// moduleName is how the kernel calls the module in a file; empty if the file is none.
func moduleName(path string) string {
	base, packing, is := strings.Cut(filepath.Base(path), ".ko")
	if !is || packing != "" && packing != ".xz" && packing != ".gz" && packing != ".zst" {
		return ""
	}
	return strings.ReplaceAll(base, "-", "_")
}

func (r Root) initramfsTool() (tool string, hostOnly *bool) {
	switch {
	case r.exists("usr/sbin/update-initramfs") && r.exists("etc/initramfs-tools/initramfs.conf"):
		only := r.setting("MODULES", append(r.files(".conf", "etc/initramfs-tools/conf.d"),
			"/etc/initramfs-tools/initramfs.conf")...) == "dep"
		return "initramfs-tools", &only
	case r.exists("usr/bin/dracut"), r.exists("usr/sbin/dracut"):
		files := append(r.files(".conf", "etc/dracut.conf.d"), r.files(".conf", "usr/lib/dracut/dracut.conf.d")...)
		switch r.setting("hostonly", append(files, "/etc/dracut.conf")...) {
		case "yes":
			only := true
			return "dracut", &only
		case "no":
			only := false
			return "dracut", &only
		}
		return "dracut", nil
	}
	return "", nil
}

// setting is the value of NAME=value in the first of these files that has it.
func (r Root) setting(name string, files ...string) string {
	for _, file := range files {
		for _, line := range r.lines(within(file)) {
			if key, value, is := strings.Cut(strings.TrimSpace(line), "="); is && strings.TrimSpace(key) == name {
				return strings.Trim(strings.TrimSpace(value), `"'`)
			}
		}
	}
	return ""
}
