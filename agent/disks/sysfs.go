package disks

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Sys is where the kernel's files lie: `/` but in tests.
type Sys string

func (s Sys) path(parts ...string) string {
	return filepath.Join(append([]string{string(s)}, parts...)...)
}

// Word returns the text of a file without the space around it; empty if it cannot be read.
func (s Sys) Word(parts ...string) string {
	text, err := os.ReadFile(s.path(parts...))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(strings.ReplaceAll(string(text), "\x00", ""))
}

func (s Sys) number(parts ...string) int64 {
	value, _ := strconv.ParseInt(s.Word(parts...), 10, 64)
	return value
}

func (s Sys) exists(parts ...string) bool {
	_, err := os.Stat(s.path(parts...))
	return err == nil
}

func (s Sys) list(parts ...string) []string {
	entries, _ := os.ReadDir(s.path(parts...))
	names := make([]string, len(entries))
	for at, entry := range entries {
		names[at] = entry.Name()
	}
	return names
}

// linked is the last part of what a link leads to; empty if there is none.
func (s Sys) linked(parts ...string) string {
	to, err := filepath.EvalSymlinks(s.path(parts...))
	if err != nil {
		return ""
	}
	return to
}
