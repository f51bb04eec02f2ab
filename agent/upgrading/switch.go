package upgrading

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

const (
	startPatience = 20 * time.Second
	noteFile      = "upgrade.json"
)

// note says that a program is on trial.
type note struct {
	// Version is of the program on trial.
	Version string `json:"version"`
	// IsService is that systemd starts it.
	IsService bool `json:"is_service"`
	// PID is of the process on trial, once it runs.
	PID int `json:"pid,omitempty"`
}

// replace is safe against a power cut: the note is there before the new program is, and the former one stays beside it.
func (u Upgrader) replace(piece Piece) error {
	if err := u.requireSound(piece); err != nil {
		return err
	}
	if err := os.Chmod(u.next(), 0o755); err != nil {
		return err
	}
	os.Remove(u.former())
	if err := os.Link(u.Program, u.former()); err != nil {
		return fmt.Errorf("%s cannot be kept: %w", u.Program, err)
	}
	if err := u.write(note{Version: piece.Version, IsService: os.Getenv("INVOCATION_ID") != ""}); err != nil {
		return err
	}
	if err := os.Rename(u.next(), u.Program); err != nil {
		u.forget()
		return err
	}
	return synced(filepath.Dir(u.Program))
}

// requireSound reads it back from the disk, and has it say who it is.
func (u Upgrader) requireSound(piece Piece) error {
	file, err := os.Open(u.next())
	if err != nil {
		return err
	}
	defer file.Close()
	digest := sha256.New()
	if _, err := io.Copy(digest, file); err != nil {
		return err
	}
	if found := hex.EncodeToString(digest.Sum(nil)); found != piece.SHA256 {
		return fmt.Errorf("the program arrived with the SHA-256 %s, and should have %s", found, piece.SHA256)
	}
	if err := os.Chmod(u.next(), 0o700); err != nil {
		return err
	}
	patience, cancel := context.WithTimeout(context.Background(), startPatience)
	defer cancel()
	said, err := exec.CommandContext(patience, u.next(), "--version").Output()
	if err != nil {
		return fmt.Errorf("the program does not start on this machine: %w", err)
	}
	if found := strings.TrimSpace(string(said)); found != piece.Version {
		return fmt.Errorf("the program says that it is version %.64q, and should be %.64q", found, piece.Version)
	}
	return nil
}

func (u Upgrader) write(what note) error {
	text, err := json.Marshal(what)
	if err != nil {
		return err
	}
	part := u.path("." + noteFile + ".part")
	if err := os.WriteFile(part, text, 0o600); err != nil {
		return err
	}
	if err := os.Rename(part, u.path(noteFile)); err != nil {
		return err
	}
	return synced(u.State)
}

func (u Upgrader) read() (found note, there bool) {
	text, err := os.ReadFile(u.path(noteFile))
	if err != nil {
		return found, false
	}
	json.Unmarshal(text, &found) // one that cannot be read is of no program, and goes
	return found, true
}

// forget ends a trial: the program that is in place stays.
func (u Upgrader) forget() {
	os.Remove(u.path(noteFile))
	os.Remove(u.former())
	os.Remove(u.next())
}

func (u Upgrader) path(name string) string { return filepath.Join(u.State, name) }

func synced(folder string) error {
	opened, err := os.Open(folder)
	if err != nil {
		return err
	}
	defer opened.Close()
	return opened.Sync()
}
