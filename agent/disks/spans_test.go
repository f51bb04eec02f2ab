package disks

import (
	"fmt"
	"testing"
)

func layered(t *testing.T) (Sys, []*Disk) {
	lines := append(disk("sda", "8:0", "A"), disk("sdb", "8:16", "B")...)
	lines = append(lines,
		"sys/block/sda/sda1/partition=1", "sys/block/sda/sda1/dev=8:1", "sys/block/sda/sda1/start=136",
		"sys/block/sda/sda1/size=1500",
		"sys/block/dm-0/dev=254:0", "sys/block/dm-1/dev=254:1",
		"sys/dev/block/8:1->sys/block/sda/sda1", "sys/dev/block/8:16->sys/block/sdb",
		"sys/dev/block/254:0->sys/block/dm-0",
		"sys/class/block/sda1->sys/block/sda/sda1", "sys/class/block/sdb->sys/block/sdb",
		"sys/class/block/dm-0->sys/block/dm-0", "sys/class/block/dm-1->sys/block/dm-1",
		"sys/block/md0/md/consistency_policy=bitmap",
		"sys/block/md0/md/dev-sda1/offset=256", "sys/block/md0/md/dev-sda1/size=512",
		"sys/block/md0/md/dev-sdb/offset=0", "sys/block/md0/md/dev-sdb/size=960",
	)
	sys := machine(t, lines...)
	return sys, Find(sys, nil)
}

func TestAVolumeLiesWhereItsMappingSays(t *testing.T) {
	sys, found := layered(t)
	tables := map[string][]target{
		"254:0": {{100, "linear", "8:1 8"}, {50, "linear", "8:16 1000"}},
		"254:1": {{20, "crypt", "aes-xts-plain64 :64:logon:x 0 254:0 90"}},
		"254:2": {{20, "striped", "2 128 8:1 0 8:16 0"}},
	}
	tableOfMapping = func(major, minor uint32) []target { return tables[fmt.Sprintf("%d:%d", major, minor)] }
	defer func() { tableOfMapping = askMapper }()
	for name, expected := range map[string]string{
		"sda1": "[{sda 69632 837632}]",
		"dm-0": "[{sda 73728 124928} {sdb 512000 537600}]",
		"dm-1": "[{sda 119808 124928} {sdb 512000 517120}]",
		"dm-2": "[]", "md0": "[]", "nothing": "[]",
	} {
		if where := fmt.Sprint(Spans(sys, name, found)); where != expected {
			t.Errorf("%s: %s", name, where)
		}
	}
}

func TestWhatMdKeepsForItselfIsAllButItsData(t *testing.T) {
	sys, found := layered(t)
	if own := fmt.Sprint(Mirrored(sys, found)); own != "[{sda 69632 200704} {sda 724992 837632} {sdb 983040 1048576}]" {
		t.Fatal(own)
	}
}

func TestWhatTheMapperAnswersIsReadWithinItsBounds(t *testing.T) {
	text := make([]byte, 120)
	copy(text[8:], "\x64")
	text[20] = 60
	copy(text[24:], "linear")
	copy(text[40:], "8:1 8")
	copy(text[84:], "linear")
	copy(text[100:], "8:16 1000")
	all := targets(text, 9)
	if len(all) != 9 || all[0] != (target{100, "linear", "8:1 8"}) || all[1].params != "8:16 1000" {
		t.Fatalf("%+v", all)
	}
	text[20], text[21] = 255, 255
	if all := targets(text, 9); len(all) != 1 {
		t.Fatalf("%+v", all)
	}
}
