package machine

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"io"
	"os"
	"strings"

	"secondsite/agent/disks"
)

// RootFS is the root file system.
type RootFS struct {
	Kind   string   `json:"kind"`
	Layers []string `json:"layers"`
	// OpenedBy is what opens its encryption: passphrase, tpm, key, unknown; empty if there is none.
	OpenedBy string `json:"opened_by"`
}

const deepest = 16

func (r Root) rootFS(mounted []mount) RootFS {
	found := RootFS{Layers: []string{}}
	each, is := mountedAt(mounted, "/")
	if !is {
		return found
	}
	found.Kind = plain(each.kind)
	for _, number := range each.numbers(disks.Sys(r)) {
		r.under(number, &found, deepest)
	}
	return found
}

// under follows a device down to the disks, and notes what lies between.
func (r Root) under(number string, found *RootFS, depth int) {
	name := r.linked("sys/dev/block", number)
	if name == "" || depth == 0 {
		return
	}
	slaves := r.list("sys/block", name, "slaves")
	layer := ""
	switch uuid := r.word("sys/block", name, "dm/uuid"); {
	case strings.HasPrefix(uuid, "LVM-"):
		layer = "lvm"
	case strings.HasPrefix(uuid, "CRYPT-"):
		layer = "luks"
	case strings.HasPrefix(uuid, "mpath-"):
		layer = "multipath"
	case uuid != "":
		layer = "dm"
	case r.exists("sys/block", name, "md"):
		layer = "md"
	}
	if layer != "" && !hasWord(found.Layers, layer) {
		found.Layers = append(found.Layers, layer)
	}
	for _, slave := range slaves {
		if layer == "luks" {
			found.OpenedBy = worse(found.OpenedBy, r.openedBy(slave, r.word("sys/block", name, "dm/name")))
		}
		r.under(r.word("sys/class/block", slave, "dev"), found, depth-1)
	}
}

// worse is what asks for more, of two encrypted parts of one root.
func worse(one, other string) string {
	for _, each := range []string{"tpm", "unknown", "key", "passphrase"} {
		if one == each || other == each {
			return each
		}
	}
	return ""
}

const luksHead = 4096

// openedBy reads which keys open an encrypted device. LUKS1 has no other than what somebody types or a file.
func (r Root) openedBy(device, mapping string) string {
	file, err := os.Open(r.path("dev", device))
	if err != nil {
		return "unknown"
	}
	defer file.Close()
	head := make([]byte, luksHead)
	if _, err := io.ReadFull(file, head); err != nil || !bytes.HasPrefix(head, []byte("LUKS\xba\xbe")) {
		return "unknown"
	}
	if binary.BigEndian.Uint16(head[6:]) == 1 {
		return r.keyOf(mapping)
	}
	size := binary.BigEndian.Uint64(head[8:])
	if size <= luksHead || size > mostText {
		return "unknown"
	}
	area := make([]byte, size-luksHead)
	if _, err := io.ReadFull(file, area); err != nil {
		return "unknown"
	}
	if by := openedByTokens(bytes.TrimRight(area, "\x00")); by != "passphrase" {
		return by
	}
	return r.keyOf(mapping)
}

// keyOf tells a key in a file from one that is typed.
func (r Root) keyOf(mapping string) string {
	for _, line := range r.lines("etc/crypttab") {
		fields := strings.Fields(line)
		if len(fields) > 2 && fields[0] == mapping && strings.HasPrefix(fields[2], "/") {
			return "key"
		}
	}
	return "passphrase"
}

// openedByTokens: a slot that no token of a TPM names opens by what is typed, be it a recovery key. Clevis asks a TPM or a
// server of the machine's network; neither comes along.
func openedByTokens(area []byte) string {
	var told struct {
		Slots  map[string]json.RawMessage `json:"keyslots"`
		Tokens map[string]struct {
			Type  string   `json:"type"`
			Slots []string `json:"keyslots"`
		} `json:"tokens"`
	}
	if json.Unmarshal(area, &told) != nil || len(told.Slots) == 0 {
		return "unknown"
	}
	for _, token := range told.Tokens {
		if token.Type == "systemd-tpm2" || token.Type == "clevis" {
			for _, slot := range token.Slots {
				delete(told.Slots, slot)
			}
		}
	}
	if len(told.Slots) == 0 {
		return "tpm"
	}
	return "passphrase"
}
