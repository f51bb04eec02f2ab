package views

import (
	"os"
	"path/filepath"
	"time"
)

// Seams is a folder in which tests say where the agent is to wait: at a seam whose name lies there as a file it makes
// a file NAME.reached, and goes on once NAME is gone. Empty outside of tests.
type Seams string

const seamPause = 5 * time.Millisecond

func (s Seams) reach(name string) {
	if s == "" {
		return
	}
	waits := filepath.Join(string(s), name)
	if _, err := os.Stat(waits); err != nil {
		return
	}
	os.WriteFile(waits+".reached", nil, 0o600)
	for {
		if _, err := os.Stat(waits); err != nil {
			return
		}
		time.Sleep(seamPause)
	}
}
