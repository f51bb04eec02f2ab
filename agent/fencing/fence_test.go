package fencing

import (
	"os"
	"path/filepath"
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
	for _, path := range [][]string{issue, motd} {
		text, _ := os.ReadFile(f.path(path...))
		if !strings.Contains(string(text), "it runs at the other site") || !strings.Contains(string(text), "unfence") {
			t.Errorf("%v: %s", path, text)
		}
	}
	if err := f.Open(); err != nil || f.IsClosed() {
		t.Fatal(err)
	}
	if _, err := os.Stat(f.path(issue...)); err == nil {
		t.Error("it says so still")
	}
	if _, err := os.Stat(f.path(OpenNote)); err != nil {
		t.Error(err)
	}
}

func TestTheUsualTargetIsTheOwnersAndNeverThatOfTheFence(t *testing.T) {
	root := t.TempDir()
	f, etc := Fence(root), filepath.Join(root, "etc/systemd/system")
	if found := f.usual(); found != "multi-user.target" {
		t.Error(found)
	}
	os.MkdirAll(etc, 0o755)
	for name, wanted := range map[string]string{"graphical.target": "graphical.target", Target: "multi-user.target"} {
		os.WriteFile(filepath.Join(etc, name), nil, 0o644)
		link := filepath.Join(etc, "default.target")
		os.Remove(link)
		os.Symlink(filepath.Join(etc, name), link)
		if found := f.usual(); found != wanted {
			t.Errorf("%s: %s", name, found)
		}
	}
}
