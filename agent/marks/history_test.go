package marks

import (
	"fmt"
	"math/rand"
	"testing"
)

const blocks = 300

func random(chance *rand.Rand) *Set {
	set := NewSet(blocks)
	for count := chance.Intn(5); count > 0; count-- {
		first := chance.Intn(blocks)
		set.Add(first, first+chance.Intn(80))
	}
	return set
}

// Whatever is taken, acknowledged and refused in whatever order: what was written since the acknowledged instant is
// in the union, and nothing else.
func TestTheUnionIsWhatWasTakenSinceTheAcknowledgedInstant(t *testing.T) {
	for seed := int64(0); seed < 500; seed++ {
		chance, h := rand.New(rand.NewSource(seed)), &History{}
		var since []Named
		for step := 0; step < 40; step++ {
			if chance.Intn(3) > 0 {
				name := ""
				if chance.Intn(4) > 0 {
					name = fmt.Sprint(step)
				}
				set := random(chance)
				copied := NewSet(blocks)
				copied.Merge(set)
				if h.Add(Named{name, []*Set{set}}) == nil {
					since = append(since, Named{name, []*Set{copied}})
				}
			} else if len(since) > 0 {
				at := chance.Intn(len(since))
				if h.Acknowledge(since[at].Name) == nil && since[at].Name != "" {
					since = since[at+1:]
				}
			}
			expected := NewSet(blocks)
			for _, each := range since {
				expected.Merge(each.Disks[0])
			}
			same(t, expected, h.Union(0, blocks))
		}
	}
}

func TestAReaderMayAskWhatIsNewSinceAnInstantThatItHasRead(t *testing.T) {
	h := &History{}
	h.Restart("base")
	for at, name := range []string{"a", "", "b"} {
		set := NewSet(blocks)
		set.Add(at, at)
		h.Add(Named{name, []*Set{set}})
	}
	for since, count := range map[string]int{"base": 3, "a": 2, "b": 0} {
		found, err := h.UnionSince(since, 0, blocks)
		if err != nil || found.Count() != count {
			t.Fatalf("since %s: %v, %v", since, found, err)
		}
	}
	if _, err := h.UnionSince("c", 0, blocks); err == nil {
		t.Fatal("what is new since an unknown instant is unknown")
	}
}

func same(t *testing.T, expected, found *Set) {
	t.Helper()
	for block := 0; block < blocks; block++ {
		if expected.Has(block) != found.Has(block) {
			t.Fatalf("block %d: expected %v", block, expected.Has(block))
		}
	}
}

func TestAnInstantThatIsUnknownIsNotAcknowledged(t *testing.T) {
	h := &History{}
	h.Add(Named{"a", []*Set{NewSet(blocks)}})
	for _, name := range []string{"", "b"} {
		if h.Acknowledge(name) == nil {
			t.Fatalf("%q was acknowledged", name)
		}
	}
	if h.Acknowledge("a") != nil || h.Acknowledge("a") != nil || h.Acknowledged() != "a" {
		t.Fatal("an instant is acknowledged as often as one likes")
	}
}

func TestANameIsTakenOnce(t *testing.T) {
	h := &History{}
	for _, expected := range []bool{true, false} {
		if (h.Add(Named{"a", []*Set{NewSet(blocks)}}) == nil) != expected {
			t.Fatal("the second of that name is refused")
		}
	}
}

func TestRunsCoverTheSetWithoutGapsAndRanksCount(t *testing.T) {
	for seed := int64(0); seed < 2000; seed++ {
		set, rank := random(rand.New(rand.NewSource(seed))), 0
		for block := 0; block < blocks; {
			marked, end := set.Run(block)
			if end <= block || end > blocks || (end < blocks && set.Has(end) == marked) {
				t.Fatalf("a run from %d to %d", block, end)
			}
			for ; block < end; block++ {
				if set.Has(block) != marked || set.Rank(block) != rank {
					t.Fatalf("block %d", block)
				}
				if marked {
					rank++
				}
			}
		}
		if set.Count() != rank {
			t.Fatalf("%d blocks counted, %d found", set.Count(), rank)
		}
	}
}
