package dialling

import "testing"

func TestAMachineThatStandsStillDialsEveryFewSecondsHoweverOftenItFailed(t *testing.T) {
	pauses := newBackoff()
	for tries := 0; tries < 20; tries++ {
		pauses.after(0, false)
	}
	if calm := pauses.after(0, false); calm < longestPause/2 {
		t.Fatalf("it dials again after %v", calm)
	}
	if hasty := pauses.after(0, true); hasty > hastyPause {
		t.Fatalf("it stands still, and dials again after %v", hasty)
	}
	if calm := pauses.after(0, false); calm < longestPause/2 {
		t.Fatalf("it works again, and dials after %v", calm)
	}
}
