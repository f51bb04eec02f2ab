package freezing

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

const (
	standing = "standing"
	leaving  = "leaving"
)

// note is a file in memory that says what stands still, for an agent that is started after it and its watchdog were
// both killed, as by `systemctl kill`: nobody else would thaw it. Empty: nothing is noted.
type note string

func (n note) write(word string, mounts []string) error {
	if n == "" {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(string(n)), 0o700); err != nil {
		return err
	}
	return os.WriteFile(string(n), []byte(strings.Join(append([]string{word}, mounts...), "\n")+"\n"), 0o600)
}

func (n note) remove() {
	if n != "" {
		os.Remove(string(n))
	}
}

// EndLeftOver ends a freeze that the note tells of; harmless without one. A machine whose last changes had arrived is
// switched off, as its watchdog would have done.
func EndLeftOver(at string, powerOff func() error) error {
	text, err := os.ReadFile(at)
	if err != nil {
		return nil
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	if lines[0] == leaving {
		return powerOff()
	}
	for _, mount := range lines[1:] {
		f, err := Open([]FileSystem{{Mount: mount}})
		if err != nil {
			fmt.Fprintf(os.Stderr, "error: %v\n", err)
			continue
		}
		f.thawAll()
		f.Close()
	}
	note(at).remove()
	return nil
}
