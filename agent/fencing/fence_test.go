package fencing

import (
	"os"
	"strings"
	"testing"
)

func TestAClosedBootSaysWhyUntilItIsOpened(t *testing.T) {
	f := Fence(t.TempDir())
	if f.IsClosed() {
		t.Fatal("closed from the beginning")
	}
	if err := f.Close("it runs at the other site."); err != nil || !f.IsClosed() {
		t.Fatal(err)
	}
	for _, path := range []string{Issue, Motd} {
		text, _ := os.ReadFile(f.path(path))
		if !strings.Contains(string(text), "it runs at the other site") || !strings.Contains(string(text), "unfence") {
			t.Errorf("%v: %s", path, text)
		}
	}
	if err := f.Open(); err != nil || f.IsClosed() {
		t.Fatal(err)
	}
	if _, err := os.Stat(f.path(Issue)); err == nil {
		t.Error("it says so still")
	}
	if _, err := os.Stat(f.path(OpenNote)); err != nil {
		t.Error(err)
	}
}
