package disks

import (
	"path/filepath"
	"strings"
)

// Serial is the number that stands on the disk; empty if it tells none.
func Serial(sys Sys, name string) string {
	for _, word := range []string{
		sys.Word("sys/block", name, "serial"), sys.Word("sys/block", name, "device/serial"), vitalSerial(sys, name),
	} {
		if word != "" {
			return strings.Join(strings.Fields(word), " ")
		}
	}
	return ""
}

const mostDrivers = 16

// Drivers are the modules of the kernel by which the disk is reached, from itself to its bus; those that are built into
// this kernel have the name of their driver.
func Drivers(sys Sys, name string) []string {
	found := []string{}
	for at := sys.linked("sys/block", name, "device"); len(at) > len(sys.path("sys")); at = filepath.Dir(at) {
		if each := moduleOf(at); each != "" && !contains(found, each) && len(found) < mostDrivers {
			found = append(found, each)
		}
	}
	return found
}

func moduleOf(device string) string {
	driver, err := filepath.EvalSymlinks(filepath.Join(device, "driver"))
	if err != nil {
		return ""
	}
	name := strings.ReplaceAll(filepath.Base(driver), "-", "_")
	if module, err := filepath.EvalSymlinks(filepath.Join(driver, "module")); err == nil {
		name = filepath.Base(module)
	}
	switch name {
	case "sd":
		return "sd_mod"
	case "pcieport":
		return ""
	}
	return name
}
