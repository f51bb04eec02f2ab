package hooks

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"secondsite/agent/restraint"
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
	// Noted is where it stands which of them were asked; empty: nowhere.
	Noted string
	// score is what hooks get that are run by a process with another one.
	score restraint.Score
}

// Rest is applications that were asked to rest.
type Rest struct {
	hooks    Hooks
	keeper   *keeper
	problems []string
}

// Freeze has them run in order with `freeze`, until one fails. Whatever it says, call Thaw afterwards. They go on
// without it if this process dies, or after a minute.
func (h Hooks) Freeze() *Rest {
	rest := &Rest{hooks: h}
	keeper, err := startKeeper(h)
	if err != nil {
		rest.problems = append(rest.problems, "No hook was run: "+err.Error()+".")
		return rest
	}
	rest.keeper = keeper
	rest.hear((together + 2) * h.Deadline)
	return rest
}

// Thaw has all that were asked run with `thaw`, the last first; harmless if none was, or on nil.
func (r *Rest) Thaw() {
	if r == nil || r.keeper == nil {
		return
	}
	r.keeper.tell.Write([]byte{goOn}) // one that let them go on already is gone
	r.hear(mostHooks * r.hooks.Deadline)
	if r.keeper != nil {
		r.keeper.stop()
	}
	r.keeper = nil
}

// hear takes what the keeper says. Of one that is gone all that it asked go on here.
func (r *Rest) hear(within time.Duration) {
	said, err := r.keeper.hear(within + answerPatience)
	r.problems = append(r.problems, said...)
	if err == nil {
		return
	}
	r.keeper.stop()
	r.keeper = nil
	r.problems = append(r.problems, "The process that runs the hooks ended before its time: "+err.Error()+".")
	if err := r.hooks.EndLeftOver(); err != nil {
		r.problems = append(r.problems, err.Error())
	}
}

// Problem says why the instant is not one of resting applications, a sentence; empty if it is.
func (r *Rest) Problem() string { return strings.Join(r.problems, " ") }

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
		if err != nil || !about.Mode().IsRegular() || about.Mode()&0o100 == 0 || strings.Contains(path, "\n") {
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
