package fencing

import (
	"os"
	"path/filepath"
)

const (
	folder = "run/secondsite-agent"
	// ServiceUnit asks, Target is where a boot leads before, and ClosedTarget where it stays.
	ServiceUnit  = "secondsite-fence.service"
	Target       = "secondsite-fence.target"
	ClosedTarget = "secondsite-fenced.target"
	// OpenNote is there from when this boot may work; the generator looks for it.
	OpenNote = "/" + folder + "/boot-is-open"
)

// Fence is that of a machine whose files lie below: `/` but in tests.
type Fence string

// Here is that of this machine.
const Here = Fence("/")

// IsClosed tells whether this boot is kept from working; not any more once somebody has started the targets of its services.
func (f Fence) IsClosed() bool {
	_, err := os.Stat(f.path(folder, "fenced"))
	return err == nil && !f.works()
}

// Close keeps this boot from working, and says why to whoever is there; with another reason it may be repeated.
func (f Fence) Close(why string) error {
	if err := f.write(why, folder, "fenced"); err != nil {
		return err
	}
	f.tell(why)
	return f.systemctl("--no-block", "start", ClosedTarget)
}

// Open lets this boot work; harmless if it does.
func (f Fence) Open() error {
	if err := f.write("", folder, "boot-is-open"); err != nil {
		return err
	}
	os.Remove(f.path(folder, "fenced"))
	f.untell()
	// Else default.target is that of the fence still, and users have no services.
	if err := f.systemctl("daemon-reload"); err != nil {
		return err
	}
	if err := f.systemctl("--no-block", "start", f.usual()); err != nil {
		return err
	}
	return f.endSkipped()
}

// usual is the target that the machine boots to without a fence.
func (f Fence) usual() string {
	for _, where := range []string{"etc", "usr/lib", "lib"} {
		to, err := filepath.EvalSymlinks(f.path(where, "systemd/system/default.target"))
		if err == nil && filepath.Base(to) != Target && filepath.Base(to) != "default.target" {
			return filepath.Base(to)
		}
	}
	return "multi-user.target"
}

func (f Fence) path(parts ...string) string {
	return filepath.Join(append([]string{string(f)}, parts...)...)
}

func (f Fence) write(text string, parts ...string) error {
	path := f.path(parts...)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(text+"\n"), 0o644)
}
