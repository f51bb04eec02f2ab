package enrolling

import (
	"os"
	"strings"
	"testing"
)

var somebody = Place{[]string{"192.0.2.9:9446"}, strings.Repeat("ab", digestBytes)}

func TestNobodyElseIsCalledBeforeOneIsTold(t *testing.T) {
	told, err := State(t.TempDir()).Elsewhere()
	if err != nil || told.Places != nil {
		t.Fatal(told, err)
	}
}

func TestWhatIsToldIsKeptAndWrittenOnlyOnce(t *testing.T) {
	state := State(t.TempDir())
	told := Elsewhere{Hardware: "h1", Places: []Place{somebody}}
	if err := state.KeepElsewhere(told); err != nil {
		t.Fatal(err)
	}
	first, _ := os.Stat(state.path(elsewhereFile))
	if err := state.KeepElsewhere(told); err != nil {
		t.Fatal(err)
	}
	again, _ := os.Stat(state.path(elsewhereFile))
	if !os.SameFile(first, again) {
		t.Fatal("it was written again")
	}
	kept, err := state.Elsewhere()
	if err != nil || kept.Hardware != "h1" || kept.Places[0].CA != somebody.CA {
		t.Fatal(kept, err)
	}
}

func TestWhatIsNoPlaceIsNotKept(t *testing.T) {
	for _, wrong := range []Place{
		{somebody.Addresses, "ab"}, {somebody.Addresses, ""}, {nil, somebody.CA},
		{[]string{strings.Repeat("a", longestPlace+1)}, somebody.CA},
	} {
		if State(t.TempDir()).KeepElsewhere(Elsewhere{Places: []Place{wrong}}) == nil {
			t.Error("kept:", wrong)
		}
	}
	many := make([]Place, mostPlaces+1)
	for at := range many {
		many[at] = somebody
	}
	if State(t.TempDir()).KeepElsewhere(Elsewhere{Places: many}) == nil {
		t.Error("kept too many")
	}
}
