package hooks

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Folder is where the owner of a machine puts them.
const Folder = "/etc/secondsite-agent/hooks.d"

// Deadline is how long each of them may take, unless the owner says otherwise.
const Deadline = 10 * time.Second

const mostHooks = 32

// together is how often the deadline all of them may take: the appliance does not wait for ever.
const together = 2

// Hooks are the executables of a folder, by name.
type Hooks struct {
	Folder string
	// Deadline is how long each may take.
	Deadline time.Duration
}

// Rest is applications that were asked to rest.
type Rest struct {
	asked    []string
	deadline time.Duration
	problems []string
}

// Freeze runs them in order with `freeze`, until one fails. Whatever it says, call Thaw afterwards.
func (h Hooks) Freeze() *Rest {
	rest := &Rest{deadline: h.Deadline}
	paths, err := h.paths()
	if err != nil {
		rest.problems = append(rest.problems, err.Error())
	}
	began := time.Now()
	for _, path := range paths {
		if len(rest.problems) == 0 && time.Since(began) > together*h.Deadline {
			rest.problems = append(rest.problems, fmt.Sprintf("The hooks take more than %s together.", together*h.Deadline))
		}
		if len(rest.problems) > 0 {
			break
		}
		rest.asked = append(rest.asked, path)
		rest.run(path, "freeze")
	}
	return rest
}

// Thaw runs all that were asked, the last first, with `thaw`; harmless if none was, or on nil.
func (r *Rest) Thaw() {
	if r == nil {
		return
	}
	for at := len(r.asked) - 1; at >= 0; at-- {
		r.run(r.asked[at], "thaw")
	}
	r.asked = nil
}

// Problem says why the instant is not one of resting applications, a sentence; empty if it is.
func (r *Rest) Problem() string { return strings.Join(r.problems, " ") }

func (r *Rest) run(path, word string) {
	if err := run(path, word, r.deadline); err != nil {
		r.problems = append(r.problems, err.Error())
	}
}

// paths names what is run. Only root's own programs are: whoever else may write there would become root.
func (h Hooks) paths() ([]string, error) {
	entries, err := os.ReadDir(h.Folder)
	if err != nil || len(entries) == 0 {
		return nil, fmt.Errorf("There is no hook in %s.", h.Folder)
	}
	if err := isRoots(h.Folder); err != nil {
		return nil, err
	}
	var paths []string
	for _, entry := range entries {
		path := filepath.Join(h.Folder, entry.Name())
		about, err := os.Stat(path)
		if err != nil || !about.Mode().IsRegular() || about.Mode()&0o100 == 0 {
			continue
		}
		if err := isRoots(path); err != nil {
			return nil, err
		}
		paths = append(paths, path)
	}
	if len(paths) == 0 || len(paths) > mostHooks {
		return nil, fmt.Errorf("There are %d executable hooks in %s, and 1 to %d are run.", len(paths), h.Folder, mostHooks)
	}
	return paths, nil
}

func isRoots(path string) error {
	about, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("%s cannot be looked at: %v.", path, err)
	}
	if about.Sys().(*syscall.Stat_t).Uid != 0 || about.Mode()&0o022 != 0 {
		return fmt.Errorf("%s may be written by others than root, so no hook is run: chown root and chmod go-w.", path)
	}
	return nil
}
