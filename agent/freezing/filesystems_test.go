package freezing

import "testing"

func TestAMountIsReadAsTheKernelWritesIt(t *testing.T) {
	line := `36 35 98:0 /sub /mnt/a\040b rw,noatime shared:1 - ext4 /dev/sda1 rw,errors=continue`
	m, ok := parse(line)
	if !ok || m.number != "98:0" || m.point != "/mnt/a b" || m.kind != "ext4" || m.source != "/dev/sda1" || !m.writable {
		t.Fatalf("%+v", m)
	}
}

// A bind mount may be read only while its file system is written elsewhere, and the other way round.
func TestWritableIsWhatTheFileSystemIsAndNotTheMount(t *testing.T) {
	for line, writable := range map[string]bool{
		"1 0 8:1 / /a ro - ext4 /dev/sda1 rw": true, "1 0 8:1 / /a rw - ext4 /dev/sda1 ro": false,
		"1 0 8:1 / /a rw - ext4 /dev/sda1 rwx,ro": false,
	} {
		if m, _ := parse(line); m.writable != writable {
			t.Errorf("%s: %v", line, m.writable)
		}
	}
	if _, ok := parse("nonsense"); ok {
		t.Error("nonsense is no mount")
	}
}
