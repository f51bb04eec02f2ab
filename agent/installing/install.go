package installing

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

const systemctlPatience = time.Minute

// Host is the machine that is installed on: `/` but in trials, where no service is started.
type Host string

// Fencing is whether a boot is fenced: start or stay, no to end that, or nothing to leave it as it is.
type Fencing struct{ Choice, Hardware string }

// Install copies this program, writes the unit, and starts it; harmless when repeated, which is an upgrade too.
func (h Host) Install(fence Fencing) error {
	if err := h.requireSystemd(); err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	if err := copied(self, h.path(program), 0o755); err != nil {
		return fmt.Errorf("the program cannot be copied to %s: %w", h.path(program), err)
	}
	if err := written(h.path(unitPath), bytes.NewReader([]byte(unitText())), 0o644); err != nil {
		return fmt.Errorf("%s cannot be written: %w", h.path(unitPath), err)
	}
	if err := h.fence(fence); err != nil {
		return err
	}
	for _, words := range [][]string{{"daemon-reload"}, {"enable", unitName}, {"restart", unitName}} {
		if err := h.systemctl(words...); err != nil {
			return err
		}
	}
	return nil
}

// Renew has the unit, and a fence, as this program writes them, after an upgrade that only replaced the program; what runs
// gets of it what systemd can give at once. Drop-ins of the owner stay.
func (h Host) Renew() error {
	if err := h.renewFence(); err != nil {
		return err
	}
	have, err := os.ReadFile(h.path(unitPath))
	if err != nil || string(have) == unitText() {
		return err
	}
	if err := written(h.path(unitPath), bytes.NewReader([]byte(unitText())), 0o644); err != nil {
		return err
	}
	return h.systemctl("daemon-reload")
}

func (h Host) fence(wanted Fencing) error {
	switch wanted.Choice {
	case "":
		return h.renewFence()
	case "no":
		return h.RemoveFence()
	}
	return h.InstallFence(wanted.Choice, wanted.Hardware)
}

// Remove undoes it, and forgets the enrollment; harmless when repeated.
func (h Host) Remove(state string) error {
	if err := h.requireSystemd(); err != nil {
		return err
	}
	if err := h.requireOpen(); err != nil {
		return err
	}
	if _, err := os.Stat(h.path(unitPath)); err == nil {
		if err := h.systemctl("disable", "--now", unitName); err != nil {
			return err
		}
	}
	if err := h.RemoveFence(); err != nil {
		return err
	}
	if err := h.StandDown(); err != nil {
		return err
	}
	for _, path := range []string{h.path(unitPath), h.path(program), h.path(program + ".former"), h.path(program + ".next")} {
		if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
			return err
		}
	}
	if err := os.RemoveAll(h.path(state)); err != nil {
		return err
	}
	return h.systemctl("daemon-reload")
}

func (h Host) path(path string) string { return filepath.Join(string(h), path) }

func (h Host) requireSystemd() error {
	if _, err := os.Stat("/run/systemd/system"); h == "/" && err != nil {
		return fmt.Errorf("this machine has no systemd: have its own service manager run 'secondsite-agent run', " +
			"and start it again when it ends")
	}
	return nil
}

func (h Host) systemctl(words ...string) error {
	if h != "/" {
		return nil
	}
	until, cancel := context.WithTimeout(context.Background(), systemctlPatience)
	defer cancel()
	said, err := exec.CommandContext(until, "systemctl", words...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("systemctl %v: %w: %s", words, err, bytes.TrimSpace(said))
	}
	return nil
}

// copied replaces a file that may be running: its old content lives on until that ends.
func copied(from, to string, mode os.FileMode) error {
	if same(from, to) {
		return nil
	}
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer source.Close()
	return written(to, source, mode)
}

func same(one, other string) bool {
	a, first := os.Stat(one)
	b, second := os.Stat(other)
	return first == nil && second == nil && os.SameFile(a, b)
}

func written(path string, content io.Reader, mode os.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	part := path + ".part"
	if err := filled(part, content, mode); err != nil {
		os.Remove(part)
		return err
	}
	return os.Rename(part, path)
}

func filled(path string, content io.Reader, mode os.FileMode) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, mode)
	if err != nil {
		return err
	}
	defer file.Close()
	if _, err := io.Copy(file, content); err != nil {
		return err
	}
	if err := file.Chmod(mode); err != nil {
		return err
	}
	return file.Sync()
}
