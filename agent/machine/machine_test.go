package machine

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"secondsite/agent/disks"
)

// prepared makes the files of a machine: `path=text` a file, `path->target` a link.
func prepared(t *testing.T, lines ...string) Root {
	root := t.TempDir()
	for _, line := range lines {
		path, target, isLink := strings.Cut(line, "->")
		text := ""
		if !isLink {
			path, text, _ = strings.Cut(line, "=")
		}
		place := filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(place), 0o700); err != nil {
			t.Fatal(err)
		}
		if isLink {
			os.Symlink(filepath.Join(root, target), place)
		} else if err := os.WriteFile(place, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return Root(root)
}

func archive(names ...string) []byte {
	var out bytes.Buffer
	for _, name := range append(names, "TRAILER!!!") {
		content := "x"
		if name == "TRAILER!!!" {
			content = ""
		}
		fmt.Fprintf(&out, "070701%048d%08x%032d%08x%08d", 0, len(content), 0, len(name)+1, 0)
		out.WriteString(name + "\x00")
		out.Write(make([]byte, padding(int64(headerBytes+len(name)+1))))
		out.WriteString(content)
		out.Write(make([]byte, padding(int64(len(content)))))
	}
	return out.Bytes()
}

func gzipped(content []byte) []byte {
	var out bytes.Buffer
	writer := gzip.NewWriter(&out)
	writer.Write(content)
	writer.Close()
	return out.Bytes()
}

const modules = "usr/lib/modules/6.1/kernel/drivers/"

func initramfs(t *testing.T, content []byte) *packed {
	root := prepared(t, "boot/vmlinuz-6.1=", "lib/modules/6.1/modules.dep=", "boot/initrd.img-6.1="+string(content))
	teller := &Teller{Root: root, Run: runHere}
	return teller.initramfs("6.1")
}

func joined(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

func TestModulesAreFoundBehindMicrocodeInWhateverIsPackedAndWhateverIsNot(t *testing.T) {
	early := joined(archive("kernel/x86/microcode/GenuineIntel.bin"), make([]byte, 300))
	main := archive("init", modules+"ata/ahci.ko", modules+"scsi/sd_mod.ko.xz", modules+"block/virtio-blk.ko.zst", "lib/x.kof")
	for name, content := range map[string][]byte{
		"plain": main, "packed": gzipped(main), "microcode and packed": joined(early, gzipped(main)),
		"three": joined(early, archive(modules+"ata/ahci.ko"), gzipped(archive(modules+"scsi/sd_mod.ko", "virtio_blk.ko.gz"))),
	} {
		found := initramfs(t, content)
		if found.unread != "" || len(found.modules) != 3 || !found.modules["ahci"] || !found.modules["sd_mod"] || !found.modules["virtio_blk"] {
			t.Errorf("%s: %+v", name, found)
		}
	}
}

func TestWhatThisMachinesOwnProgramsPackedIsReadByThem(t *testing.T) {
	main := archive(modules + "ata/ahci.ko")
	for name, words := range map[string][]string{
		"zstd": {"zstd", "-cq"}, "xz": {"xz", "-cq", "--check=crc32"}, "lz4": {"lz4", "-lcq"}, "lzma": {"xz", "-cq", "--format=lzma"},
	} {
		packing, end, err := runHere(bytes.NewReader(main), words...)
		if err != nil {
			t.Logf("%s is not here", name)
			continue
		}
		var content bytes.Buffer
		content.ReadFrom(packing)
		end()
		if found := initramfs(t, content.Bytes()); found.unread != "" || !found.modules["ahci"] {
			t.Errorf("%s: %+v", name, found)
		}
	}
}

func TestWhatCannotBeReadIsUnknownAndNeverGuessed(t *testing.T) {
	whole := gzipped(archive(modules+"ata/ahci.ko", modules+"scsi/sd_mod.ko"))
	for name, content := range map[string][]byte{
		"cut off": whole[:len(whole)/2], "nothing": nil, "something else": []byte("#!/bin/sh\n"), "packed nothing": gzipped([]byte("x")),
		"an endless name": []byte("070701" + strings.Repeat("f", 104)), "a cut archive": archive("init")[:120],
	} {
		found := initramfs(t, content)
		if name != "nothing" && found.unread == "" {
			t.Errorf("%s was read: %+v", name, found)
		}
		if strings.ContainsAny(found.unread, "\n\x00") || len(found.unread) > 250 {
			t.Errorf("%s: %q", name, found.unread)
		}
	}
	none := &Teller{Root: prepared(t, "boot/initrd.img-6.1=\x28\xb5\x2f\xfdxxxx")}
	if found := none.initramfs("6.1"); !strings.Contains(found.unread, "zstd is not here") {
		t.Errorf("%+v", found)
	}
}

func TestEachDriverIsWhereItLies(t *testing.T) {
	root := prepared(t, "boot/vmlinuz-6.1=", "lib/modules/6.1/modules.builtin=kernel/drivers/virtio/virtio_pci.ko\n",
		"lib/modules/6.1/modules.dep=kernel/drivers/net/virtio_net.ko.xz: kernel/x.ko\n",
		"boot/initrd.img-6.1="+string(gzipped(archive(modules+"ata/ahci.ko"))), "boot/vmlinuz-6.2=", "lib/modules/6.2/x=",
		"boot/vmlinuz-5.9=")
	kernels := (&Teller{Root: root}).kernels()
	if len(kernels) != 2 || kernels[0].Release != "6.2" || kernels[1].Release != "6.1" {
		t.Fatalf("%+v", kernels)
	}
	for name, wanted := range map[string]string{
		"virtio_pci": "built-in", "ahci": "initramfs", "virtio_net": "module", "nvme": "missing",
	} {
		if found := kernels[1].Drivers[name]; found != wanted {
			t.Errorf("%s is %s", name, found)
		}
	}
	if kernels[0].Drivers["ahci"] != "unknown" {
		t.Error("a kernel whose modules nobody listed is not known")
	}
}

func TestAnInitramfsIsReadAgainOnlyWhenItChanged(t *testing.T) {
	root := prepared(t, "boot/initrd.img-6.1="+string(archive("ahci.ko")))
	teller := &Teller{Root: root}
	first := teller.initramfs("6.1")
	if teller.initramfs("6.1") != first {
		t.Error("it was read twice")
	}
	os.WriteFile(root.path("boot/initrd.img-6.1"), archive("ahci.ko", "nvme.ko"), 0o600)
	if !teller.initramfs("6.1").modules["nvme"] {
		t.Error("a new one was not read")
	}
}

func TestOneThatCouldNotBeReadIsTriedAnewLater(t *testing.T) {
	teller := &Teller{Root: prepared(t, "boot/initrd.img-6.1=\x28\xb5\x2f\xfdxxxx")}
	first := teller.initramfs("6.1")
	if teller.initramfs("6.1") != first {
		t.Error("it was tried at once")
	}
	first.at = first.at.Add(-again)
	if teller.initramfs("6.1") == first {
		t.Error("it was not tried")
	}
}

func TestNumbersOfKernelsAreComparedAsNumbers(t *testing.T) {
	for _, pair := range [][2]string{{"6.10.0-1", "6.9.0-2"}, {"6.1.0-50-amd64", "6.1.0-9-amd64"}, {"6.1.0-9", "5.10.0-32"}, {"6.1-1", "6.1"}} {
		if !newer(pair[0], pair[1]) || newer(pair[1], pair[0]) {
			t.Errorf("%v", pair)
		}
	}
}

const grub = `if [ "${next_entry}" ] ; then
   set default="${next_entry}"
else
   set default="%s"
fi
menuentry 'Debian' --class os $menuentry_id_option 'gnulinux-simple-1' {
	linux	/boot/vmlinuz-6.2 root=UUID=1 ro
}
submenu 'More' $menuentry_id_option 'gnulinux-advanced-1' {
	menuentry 'Debian, with Linux 6.1' --class os $menuentry_id_option 'gnulinux-6.1-advanced-1' {
		linux	/vmlinuz-6.1 root=UUID=1 ro
	}
}
`

func TestTheKernelThatTheBootLoaderStartsIsToldWhereThatIsSure(t *testing.T) {
	for _, each := range []struct{ chosen, environment, wanted string }{
		{"0", "", "6.2"}, {"1>0", "", ""}, {"2", "", ""}, {"gnulinux-advanced-1>gnulinux-6.1-advanced-1", "", "6.1"},
		{"${saved_entry}", "saved_entry=gnulinux-6.1-advanced-1\n", "6.1"}, {"${saved_entry}", "", "6.2"},
		{"Debian, with Linux 6.1", "", "6.1"}, {"0", "next_entry=1\n", ""},
	} {
		root := prepared(t, "boot/grub/grub.cfg="+fmt.Sprintf(grub, each.chosen), "boot/grub/grubenv="+each.environment)
		if found := root.defaultKernel(); found != each.wanted {
			t.Errorf("%+v: %q", each, found)
		}
	}
	entries := prepared(t, "boot/grub2/grub.cfg=x\nblscfg\n", "boot/grub2/grubenv=saved_entry=abc-5.14\n",
		"boot/loader/entries/abc-5.14.conf=title x\nlinux /vmlinuz-5.14.0-1.el9.x86_64\n")
	if found := entries.defaultKernel(); found != "5.14.0-1.el9.x86_64" {
		t.Errorf("%q", found)
	}
}

const mountinfo = `22 1 254:0 / / rw,relatime shared:1 - xfs /dev/mapper/system-root rw
23 22 8:17 / /boot rw - ext4 /dev/sdb1 rw
24 22 8:18 / /boot/efi rw - vfat /dev/sdb2 rw
25 22 0:5 / /dev rw - devtmpfs udev rw
26 22 8:33 / /srv/two\040words rw - ext4 /dev/sdc1 rw
`

func layered(t *testing.T, more ...string) Root {
	lines := []string{"proc/1/mountinfo=" + mountinfo, "sys/block/dm-0/dm/uuid=LVM-abc", "sys/block/dm-0/slaves/sda1=",
		"sys/class/block/sda1/dev=8:1", "sys/dev/block/254:0->sys/block/dm-0"}
	for name, number := range map[string]string{"sda": "8:1", "sdb": "8:17", "sdc": "8:33"} {
		lines = append(lines, "sys/block/"+name+"/"+name+"1/partition=1", "sys/dev/block/"+number+"->sys/block/"+name+"/"+name+"1")
	}
	lines = append(lines, "sys/block/sdb/sdb2/partition=2", "sys/dev/block/8:18->sys/block/sdb/sdb2", "sys/block/dm-0/slaves/x=")
	return prepared(t, append(lines, more...)...)
}

func TestDisksWithTheBootLoaderAndTheRootComeFirst(t *testing.T) {
	found := []*disks.Disk{{Name: "sda", Key: "A"}, {Name: "sdb", Key: "B"}, {Name: "sdc", Key: "C", Refused: "why"}}
	root := layered(t)
	var keys []string
	for _, each := range root.bootOrder(found, root.mounts()) {
		keys = append(keys, fmt.Sprint(each.Key, each.Boots))
	}
	if strings.Join(keys, " ") != "Btrue Atrue Cfalse" {
		t.Fatal(keys)
	}
}

func TestTheRootIsToldWithItsLayers(t *testing.T) {
	root := layered(t)
	if found := root.rootFS(root.mounts()); found.Kind != "xfs" || strings.Join(found.Layers, " ") != "lvm" || found.OpenedBy != "" {
		t.Fatalf("%+v", found)
	}
}

func luks(told string) string {
	head := make([]byte, luksHead)
	copy(head, "LUKS\xba\xbe\x00\x02")
	binary.BigEndian.PutUint64(head[8:], luksHead+4096)
	area := make([]byte, 4096)
	copy(area, told)
	return string(head) + string(area)
}

func TestWhatOpensAnEncryptedRootIsReadFromItsHead(t *testing.T) {
	const tpm = `{"0":{"type":"systemd-tpm2","keyslots":["1"]}}`
	one := "LUKS\xba\xbe\x00\x01" + strings.Repeat("x", luksHead)
	for _, each := range []struct{ head, crypttab, wanted string }{
		{luks(`{"keyslots":{"0":{},"1":{}},"tokens":` + tpm + `}`), "", "passphrase"},
		{luks(`{"keyslots":{"1":{}},"tokens":` + tpm + `}`), "", "tpm"},
		{luks(`{"keyslots":{"0":{}},"tokens":{}}`), "r UUID=1 /etc/key luks", "key"},
		{luks(`{"keyslots":{"0":{}},"tokens":{}}`), "other UUID=1 /etc/key luks", "passphrase"},
		{luks(`{"keyslots"`), "", "unknown"}, {one, "", "passphrase"}, {"", "", "unknown"},
	} {
		root := layered(t, "sys/block/dm-0/dm/uuid=CRYPT-LUKS2-1", "sys/block/dm-0/dm/name=r", "dev/sda1="+each.head, "dev/x="+each.head, "etc/crypttab="+each.crypttab)
		if found := root.rootFS(root.mounts()); found.OpenedBy != each.wanted {
			t.Errorf("%.60q: %+v", each.head, found)
		}
	}
}

func TestTheFallbackLoaderIsFoundWhateverItsCase(t *testing.T) {
	root := layered(t, "sys/firmware/efi/x=", secureBoot+"=\x06\x00\x00\x00\x01", "boot/efi/EFI/Boot/bootx64.efi=x")
	found := root.firmware(root.mounts())
	if found.Kind != "uefi" || !*found.SecureBoot || !*found.FallbackLoader {
		t.Fatalf("%+v", found)
	}
	if found := layered(t, "sys/firmware/efi/x=", "boot/efi/EFI/debian/grubx64.efi="); *found.firmware(found.mounts()).FallbackLoader {
		t.Error("there is none")
	}
	nowhere := prepared(t, "sys/firmware/efi/x=")
	if found := nowhere.firmware(nowhere.mounts()); found.FallbackLoader != nil || found.SecureBoot != nil {
		t.Error("a partition that is not mounted cannot be told of")
	}
	if found := layered(t); found.firmware(nil).Kind != "bios" {
		t.Error("without that folder it is BIOS")
	}
}

func TestNamesThatWillChangeAreTold(t *testing.T) {
	root := prepared(t, "proc/cmdline=BOOT_IMAGE=/x root=/dev/nvme0n1p2 ro\n", `etc/fstab=# /dev/sda9 /no ext4
/dev/sda1 /boot ext4 defaults 0 2
UUID=1 / ext4 defaults 0 1
/dev/mapper/system-home /home ext4 x 0 0
/dev/disk/by-id/dm-name-x /x ext4 x 0 0
/dev/disk/by-path/pci-0000:00:1f.2-ata-1 /srv ext4 x 0 0
/dev/vda2 none swap sw 0 0
`)
	var devices []string
	for _, each := range root.named() {
		devices = append(devices, each.Device+each.Where)
	}
	if strings.Join(devices, " ") != "/dev/sda1/boot /dev/disk/by-path/pci-0000:00:1f.2-ata-1/srv /dev/vda2 /dev/nvme0n1p2/" {
		t.Fatal(devices)
	}
}

func TestTheToolThatMakesTheInitramfsIsToldAndWhetherItIsForThisHardwareAlone(t *testing.T) {
	for _, each := range []struct {
		lines  []string
		wanted string
	}{
		{[]string{"usr/sbin/update-initramfs=", "etc/initramfs-tools/initramfs.conf=MODULES=dep\n"}, `"initramfs-tools" true`},
		{[]string{"usr/sbin/update-initramfs=", "etc/initramfs-tools/initramfs.conf=MODULES=dep\n",
			"etc/initramfs-tools/conf.d/a.conf=MODULES=most\n"}, `"initramfs-tools" false`},
		{[]string{"usr/bin/dracut=", `etc/dracut.conf.d/a.conf=hostonly="yes"`}, `"dracut" true`},
		{[]string{"usr/bin/dracut="}, `"dracut" null`}, {nil, `"" null`},
	} {
		tool, only := prepared(t, each.lines...).initramfsTool()
		text, _ := json.Marshal(only)
		if found := fmt.Sprintf("%q %s", tool, text); found != each.wanted {
			t.Errorf("%v: %s", each.lines, found)
		}
	}
}
