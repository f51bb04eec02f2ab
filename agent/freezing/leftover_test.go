package freezing

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestAFreezeThatOutlivedItsAgentIsEndedOnce(t *testing.T) {
	at := filepath.Join(t.TempDir(), "run", "frozen")
	off := errors.New("off")
	end := func() error { return EndLeftOver(at, func() error { return off }) }
	if err := end(); err != nil {
		t.Error("without a note:", err)
	}
	if err := note(at).write(standing, []string{t.TempDir(), "/no such place"}); err != nil {
		t.Fatal(err)
	}
	if err := end(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(at); err == nil {
		t.Error("the note is there still")
	}
	note(at).write(leaving, nil)
	if err := end(); !errors.Is(err, off) {
		t.Error("it was not switched off:", err)
	}
}

func TestWithoutAPlaceNothingIsNoted(t *testing.T) {
	if err := note("").write(standing, nil); err != nil {
		t.Error(err)
	}
	note("").remove()
}
