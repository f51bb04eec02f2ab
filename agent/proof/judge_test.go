package proof

import (
	"math/rand"
	"reflect"
	"strings"
	"testing"
	"testing/quick"
)

func whole(written uint64) Evidence {
	return Evidence{"boot", []uint64{1, 2, 3}, []uint64{0, 0, 0}, []Disk{{
		Key: "d", Seen: [3]uint64{written, written, written}, Kernel: 7000 + written, Settled: true,
	}}}
}

func still() Window { return Window{Disks: []Stillness{{AtFreeze: 5, AtThaw: 5}}} }

func TestAnInstantIsValidWhereAllAgrees(t *testing.T) {
	if verdict := Judge(whole(0), whole(4096), still()); !verdict.Valid || verdict.Reason != "" {
		t.Fatalf("refused: %+v", verdict)
	}
}

func TestEachDoubtHasItsReasonAndItsConsequence(t *testing.T) {
	for _, each := range []struct {
		name   string
		spoil  func(since, now *Evidence, window *Window)
		reason string
		scan   bool
	}{
		{"another boot", func(s, n *Evidence, w *Window) { n.Boot = "other" }, "started anew", true},
		{"no boot known", func(s, n *Evidence, w *Window) { s.Boot, n.Boot = "", "" }, "started anew", true},
		{"other programs", func(s, n *Evidence, w *Window) { n.Programs[1] = 9 }, "loaded anew", true},
		{"a program less", func(s, n *Evidence, w *Window) { n.Programs = n.Programs[:2] }, "loaded anew", true},
		{"a disk came", func(s, n *Evidence, w *Window) { n.Disks = append(n.Disks, n.Disks[0]) }, "came or went", true},
		{"another disk", func(s, n *Evidence, w *Window) { n.Disks[0].Key = "e" }, "is not the one", true},
		{"a busy beginning", func(s, n *Evidence, w *Window) { s.Disks[0].Settled = false }, "counting began", true},
		{"passthrough", func(s, n *Evidence, w *Window) { n.Disks[0].Passthrough++ }, "cannot be followed", true},
		{"outside", func(s, n *Evidence, w *Window) { n.Disks[0].Outside++ }, "behind the end", true},
		{"a write unseen", func(s, n *Evidence, w *Window) { n.Disks[0].Kernel += 512 }, "the tracking 4096", true},
		{"a write uncounted", func(s, n *Evidence, w *Window) { n.Disks[0].Kernel -= 512 }, "counted 3584", true},
		{"a busy end", func(s, n *Evidence, w *Window) { n.Disks[0].Settled = false }, "all the time", false},
		{"a write while frozen", func(s, n *Evidence, w *Window) { w.Disks[0] = Stillness{5, 6, 1} }, "stood still", false},
		{"no window", func(s, n *Evidence, w *Window) { w.Disks = nil }, "Not every disk", false},
		{"an alarm", func(s, n *Evidence, w *Window) { w.Alarm = "Thawed." }, "Thawed.", false},
	} {
		since, now, window := whole(0), whole(4096), still()
		each.spoil(&since, &now, &window)
		verdict := Judge(since, now, window)
		if verdict.Valid || verdict.ScanDue != each.scan || !strings.Contains(verdict.Reason, each.reason) {
			t.Errorf("%s: %+v", each.name, verdict)
		}
	}
}

func TestOneCopyThatSawAllIsEnough(t *testing.T) {
	now := whole(4096)
	now.Disks[0].Seen = [3]uint64{0, 4096, 512}
	if verdict := Judge(whole(0), now, still()); !verdict.Valid {
		t.Fatalf("refused: %+v", verdict)
	}
}

func TestCopiesThatSawAllTogetherAreEnoughWhereSomeWereSkipped(t *testing.T) {
	since, now := whole(0), whole(4096)
	now.Disks[0].Seen, now.Disks[0].Once = [3]uint64{3584, 3072, 512}, 4096
	if verdict := Judge(since, now, still()); verdict.Valid {
		t.Fatal("believed without a skipped copy")
	}
	now.Misses = []uint64{1, 2, 7}
	if verdict := Judge(since, now, still()); !verdict.Valid {
		t.Fatalf("refused: %+v", verdict)
	}
	now.Disks[0].Once -= 512
	if verdict := Judge(since, now, still()); verdict.Valid || !verdict.ScanDue {
		t.Fatal("a loss of all copies passed")
	}
}

func TestSwapMayBeWrittenWhileFrozen(t *testing.T) {
	window := Window{Disks: []Stillness{{AtFreeze: 5, AtThaw: 8, Strays: 0}}}
	if verdict := Judge(whole(0), whole(4096), window); !verdict.Valid {
		t.Fatalf("refused: %+v", verdict)
	}
}

// Whatever is lost by all copies is noticed, wherever the counters stood.
func TestNoLossOfAllCopiesPasses(t *testing.T) {
	noticed := func(start, kernelStart uint64, written uint32, lost [3]uint16) bool {
		since, now := whole(start), whole(start+uint64(written))
		since.Disks[0].Kernel, now.Disks[0].Kernel = kernelStart, kernelStart+uint64(written)
		all := true
		for copy := range lost {
			now.Disks[0].Seen[copy] -= uint64(lost[copy]) % (uint64(written) + 1)
			all = all && uint64(lost[copy])%(uint64(written)+1) > 0
		}
		return Judge(since, now, still()).Valid == !all
	}
	if err := quick.Check(noticed, &quick.Config{MaxCount: 20000}); err != nil {
		t.Fatal(err)
	}
}

// An invalid verdict always says why, and a valid one says nothing.
func TestAVerdictIsValidOrSaysWhy(t *testing.T) {
	random := rand.New(rand.NewSource(1))
	for round := 0; round < 20000; round++ {
		since, now, window := anything(random), anything(random), Window{}
		if random.Intn(2) == 0 {
			now = since
		}
		fill(random, &window)
		if verdict := Judge(since, now, window); verdict.Valid == (verdict.Reason != "") {
			t.Fatalf("%+v for %+v, %+v, %+v", verdict, since, now, window)
		}
	}
}

func anything(random *rand.Rand) (found Evidence) { fill(random, &found); return found }

func fill(random *rand.Rand, into interface{}) {
	value, _ := quick.Value(reflect.TypeOf(into).Elem(), random)
	reflect.ValueOf(into).Elem().Set(value)
}
