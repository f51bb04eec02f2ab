package services

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Where it stands which units were stopped: in memory, since a boot starts them all.
var note = "/run/secondsite-agent/stopped-units"

// Stopped is what became of the units.
type Stopped struct {
	Units []string `json:"units"`
	// Running are those that did not end in time.
	Running []string `json:"running,omitempty"`
	// Problem is a sentence; empty if all were stopped.
	Problem string `json:"problem,omitempty"`
}

// Stop stops all that may be, within the grace. Called again it stops what has come meanwhile.
func Stop(grace time.Duration) Stopped {
	units, err := working()
	if err != nil {
		return Stopped{Units: recorded(), Problem: "The services cannot be stopped: " + err.Error() + "."}
	}
	all := union(recorded(), units)
	if err := record(all); err != nil {
		return Stopped{Problem: "The services are left running, since it could not be noted which: " + err.Error() + "."}
	}
	stopped := Stopped{Units: all}
	defer logInMemory()
	if len(units) == 0 {
		return stopped
	}
	_, failed := systemctl(grace, append([]string{"stop", "--"}, units...)...)
	if stopped.Running, err = working(); err != nil {
		failed = err
	}
	switch {
	case len(stopped.Running) > 0:
		stopped.Problem = fmt.Sprintf("%d services did not end within %s.", len(stopped.Running), grace)
	case failed != nil:
		stopped.Problem = failed.Error() + "."
	}
	return stopped
}

// AreStopped tells whether there is something to start again.
func AreStopped() bool { return len(recorded()) > 0 }

// Start starts what was stopped; harmless if nothing was. It does not wait for them. A unit that is gone since, or masked,
// is named, and forgotten: it kept all others noted as stopped, on a machine that works.
func Start() error {
	units := recorded()
	if len(units) == 0 {
		return nil
	}
	logToDisk()
	if begin(units...) == nil {
		return os.Remove(note)
	}
	var left []string
	var why error
	for _, unit := range units {
		if err := begin(unit); err != nil {
			left, why = append(left, unit), err
		}
	}
	if len(left) < len(units) { // systemd answers
		os.Remove(note)
	}
	if len(left) == 0 {
		return nil
	}
	return fmt.Errorf("services could not be started again, so start %s by hand: %w", strings.Join(left, " "), why)
}

func begin(units ...string) error {
	_, err := systemctl(askPatience, append([]string{"start", "--no-block", "--"}, units...)...)
	return err
}

func record(units []string) error {
	if err := os.MkdirAll(filepath.Dir(note), 0o700); err != nil {
		return err
	}
	return os.WriteFile(note, []byte(strings.Join(units, "\n")), 0o600)
}

func recorded() (units []string) {
	text, _ := os.ReadFile(note)
	for _, unit := range strings.Fields(string(text)) {
		if mayStop(unit) {
			units = append(units, unit)
		}
	}
	return units
}

func union(one, other []string) []string {
	seen := map[string]bool{}
	var all []string
	for _, unit := range append(append([]string{}, one...), other...) {
		if !seen[unit] {
			seen[unit], all = true, append(all, unit)
		}
	}
	return all
}
