package hooks

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	look = 50 * time.Millisecond
	// toldFor is how long it is told that applications went on late.
	toldFor  = time.Hour
	mostNote = 256 << 10
)

// note is which hooks were asked to rest and did not go on yet: a line for each, in memory, which ends with this start
// of the machine as their rest does. Whoever has it open and locked is the only one who runs hooks.
type note struct {
	file  *os.File
	began time.Time
	asked []string
}

// openNote waits that long for whoever has it. Without a place nothing is noted.
func openNote(at string, within time.Duration) (*note, error) {
	n := &note{began: time.Now()}
	if at == "" {
		return n, nil
	}
	if err := os.MkdirAll(filepath.Dir(at), 0o700); err != nil {
		return nil, err
	}
	file, err := os.OpenFile(at, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	for until := time.Now().Add(within); syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) != nil; {
		if time.Now().After(until) {
			file.Close()
			return nil, fmt.Errorf("hooks that were asked before have not gone on within %s", within)
		}
		time.Sleep(look)
	}
	n.file, n.began = file, time.Now()
	return n, n.read()
}

func (n *note) read() error {
	about, err := n.file.Stat()
	if err != nil || about.Size() > mostNote {
		return err
	}
	text := make([]byte, about.Size())
	if _, err := n.file.ReadAt(text, 0); err != nil && len(text) > 0 {
		return err
	}
	for _, path := range strings.Split(string(text), "\n") {
		if filepath.IsAbs(path) {
			n.asked = append(n.asked, path)
		}
	}
	if len(n.asked) > 0 {
		n.began = about.ModTime()
	}
	return nil
}

func (n *note) close() {
	if n.file != nil {
		n.file.Close()
	}
}

func (n *note) push(path string) error {
	n.asked = append(n.asked, path)
	if n.file == nil {
		return nil
	}
	_, err := n.file.WriteString(path + "\n")
	return err
}

func (n *note) last() string {
	if len(n.asked) == 0 {
		return ""
	}
	return n.asked[len(n.asked)-1]
}

func (n *note) pop() {
	n.asked = n.asked[:len(n.asked)-1]
	if n.file != nil {
		n.file.Truncate(0)
		n.file.WriteString(strings.Join(append(n.asked, ""), "\n"))
	}
}

// EndLeftOver lets go on what was asked by a process that is gone, as by `systemctl kill`; harmless if there is nothing.
// It waits for one that is at it.
func (h Hooks) EndLeftOver() error {
	if _, err := os.Stat(h.Noted); err != nil {
		return nil
	}
	asked, err := openNote(h.Noted, (together+1)*h.Deadline)
	if err != nil {
		return fmt.Errorf("Applications may rest: %w.", err)
	}
	defer asked.close()
	if problems := h.letGo(asked); len(problems) > 0 {
		return fmt.Errorf("Applications were let go on late: %s", strings.Join(problems, " "))
	}
	return nil
}

// letGo is thaw by somebody else than the agent; it notes since when they rested.
func (h Hooks) letGo(asked *note) []string {
	if len(asked.asked) == 0 {
		return nil
	}
	problems := h.thaw(asked)
	if h.Noted != "" {
		os.WriteFile(h.late(), []byte(fmt.Sprintf("%.3f", time.Since(asked.began).Seconds())), 0o600)
	}
	return problems
}

// Late is for how many seconds applications rested until somebody else than the agent let them go on; 0 if that was not
// so for an hour.
func (h Hooks) Late() float64 {
	about, err := os.Stat(h.late())
	if h.Noted == "" || err != nil || time.Since(about.ModTime()) > toldFor {
		return 0
	}
	text, _ := os.ReadFile(h.late())
	seconds, _ := strconv.ParseFloat(string(text), 64)
	return seconds
}

func (h Hooks) late() string { return h.Noted + "-late" }
