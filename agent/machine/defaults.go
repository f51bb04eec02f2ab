package machine

import (
	"regexp"
	"strings"
)

var (
	grubDefault = regexp.MustCompile(`^\s*set default="([^"]*)"`)
	grubEntry   = regexp.MustCompile(`^\s*menuentry '([^']*)'.*?(?:menuentry_id_option '([^']*)'|$)`)
	grubKernel  = regexp.MustCompile(`^\s*linux(?:16|efi)?\s+\S*/(?:vmlinuz|vmlinux|kernel)-(\S+)`)
	kernelFile  = regexp.MustCompile(`(?:vmlinuz|vmlinux|kernel)-(\S+)$`)
)

type bootEntry struct{ title, id, release string }

// defaultKernel is the release that the boot loader starts; empty if that cannot be told.
func (r Root) defaultKernel() string {
	for _, folder := range []string{"boot/grub", "boot/grub2"} {
		if config := r.text(folder, "grub.cfg"); config != "" {
			return r.ofGrub(config, r.text(folder, "grubenv"))
		}
	}
	return ""
}

func (r Root) ofGrub(config, environment string) string {
	entries, chosen := grubEntries(config)
	saved := valueOf(environment, "saved_entry")
	if valueOf(environment, "next_entry") != "" {
		return ""
	}
	if strings.Contains(config, "\nblscfg") {
		return r.entryFile(saved)
	}
	if chosen == "${saved_entry}" {
		chosen = saved
	}
	if (chosen == "" || chosen == "0") && len(entries) > 0 {
		return entries[0].release
	}
	// As in `submenu>entry`. Another number than the first would have to count submenus, too: not told.
	chosen = chosen[strings.LastIndex(chosen, ">")+1:]
	for _, each := range entries {
		if chosen == each.id || chosen == each.title {
			return each.release
		}
	}
	return ""
}

func grubEntries(config string) (entries []bootEntry, chosen string) {
	for _, line := range strings.Split(config, "\n") {
		if match := grubDefault.FindStringSubmatch(line); match != nil && match[1] != "${next_entry}" {
			chosen = match[1]
		}
		if match := grubEntry.FindStringSubmatch(line); match != nil {
			entries = append(entries, bootEntry{title: match[1], id: match[2]})
		}
		if match := grubKernel.FindStringSubmatch(line); match != nil && len(entries) > 0 {
			if last := &entries[len(entries)-1]; last.release == "" {
				last.release = match[1]
			}
		}
	}
	return entries, chosen
}

func valueOf(environment, name string) string {
	for _, line := range strings.Split(environment, "\n") {
		if key, value, is := strings.Cut(line, "="); is && key == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// entryFile reads the kernel of an entry by the Boot Loader Specification.
func (r Root) entryFile(id string) string {
	if id == "" || strings.Contains(id, "/") {
		return ""
	}
	for _, line := range r.lines("boot/loader/entries", id+".conf") {
		if fields := strings.Fields(line); len(fields) == 2 && fields[0] == "linux" {
			if match := kernelFile.FindStringSubmatch(fields[1]); match != nil {
				return match[1]
			}
		}
	}
	return ""
}
