package machine

import "strings"

// Firmware is what starts this machine.
type Firmware struct {
	Kind       string `json:"kind"`
	SecureBoot *bool  `json:"secure_boot"`
	// FallbackLoader is whether a boot loader lies where a firmware looks that knows no other.
	FallbackLoader *bool `json:"fallback_loader"`
}

const secureBoot = "sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"

func (r Root) firmware(mounted []mount) Firmware {
	if !r.exists("sys/firmware/efi") {
		return Firmware{Kind: "bios"}
	}
	found := Firmware{Kind: "uefi"}
	// Four bytes of attributes come before the value.
	if value := r.text(secureBoot); len(value) == 5 {
		on := value[4] == 1
		found.SecureBoot = &on
	}
	for _, where := range []string{"/boot/efi", "/efi", "/boot"} {
		if each, is := mountedAt(mounted, where); is && each.kind == "vfat" {
			there := r.fallbackLoader(where)
			found.FallbackLoader = &there
			break
		}
	}
	return found
}

// fallbackLoader looks without regard to upper and lower case, as vfat does.
func (r Root) fallbackLoader(partition string) bool {
	folder := within(partition)
	for _, wanted := range []string{"EFI", "BOOT", "BOOTX64.EFI"} {
		next := ""
		for _, name := range r.list(folder) {
			if strings.EqualFold(name, wanted) {
				next = name
			}
		}
		if next == "" {
			return false
		}
		folder = within(folder, next)
	}
	return true
}
