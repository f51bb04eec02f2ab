package upgrading

import (
	"encoding/json"
	"os"
	"path/filepath"
)

const noteFile = "upgrade.json"

// note says that a program is on trial.
type note struct {
	// Version is of the program on trial.
	Version string `json:"version"`
	// IsService is that systemd starts it.
	IsService bool `json:"is_service"`
	// PID is of the process on trial, once it runs.
	PID int `json:"pid,omitempty"`
}

func isService() bool { return os.Getenv("INVOCATION_ID") != "" }

func (u Upgrader) write(what note) error {
	text, err := json.Marshal(what)
	if err != nil {
		return err
	}
	part := u.path("." + noteFile + ".part")
	if err := filled(part, text); err != nil {
		os.Remove(part)
		return err
	}
	if err := os.Rename(part, u.path(noteFile)); err != nil {
		return err
	}
	return synced(u.State)
}

// filled is durable before it gets its name: after a power cut the note was there, and empty.
func filled(path string, text []byte) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer file.Close()
	if _, err := file.Write(text); err != nil {
		return err
	}
	return file.Sync()
}

// read finds a note that cannot be read as one of no version: a trial goes on.
func (u Upgrader) read() (found note, there bool) {
	text, err := os.ReadFile(u.path(noteFile))
	if err != nil {
		return found, !os.IsNotExist(err)
	}
	if json.Unmarshal(text, &found) != nil {
		return note{IsService: isService()}, true
	}
	return found, true
}

// isOnTrial is whether this program has replaced the former one, by a note of it.
func (u Upgrader) isOnTrial(of note) bool {
	if of.Version != "" {
		return of.Version == u.Version
	}
	former, first := os.Stat(u.former())
	here, second := os.Stat(u.Program)
	return first == nil && second == nil && !os.SameFile(former, here)
}

// forget ends a trial: the program that is in place stays.
func (u Upgrader) forget() {
	os.Remove(u.path(noteFile))
	os.Remove(u.former())
	os.Remove(u.next())
	if u.Services != nil {
		u.tell(u.Services.StandDown())
	}
}

func (u Upgrader) path(name string) string { return filepath.Join(u.State, name) }
