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
	// ClosedNote is there while it may not; it says why.
	ClosedNote = "/" + folder + "/fenced"
	// OpenProgram starts what a boot starts that is open; it needs nothing of this program, which may be gone.
	OpenProgram = "/etc/secondsite-agent/open-boot"
	// Knows is the exit status of who was told that the machine was failed over.
	Knows = 3
)

// Reached is what a closed boot starts, so that a person and the appliance reach the machine.
var Reached = []string{
	"network-online.target", "getty.target", "systemd-logind.service", "systemd-user-sessions.service", "ssh.service",
	"sshd.service", "secondsite-agent.service",
}

// Fence is that of a machine whose files lie below: `/` but in tests.
type Fence string

// Here is that of this machine.
const Here = Fence("/")

// IsClosed tells whether this boot is kept from working; not any more once somebody has started the targets of its services.
func (f Fence) IsClosed() bool {
	_, err := os.Stat(f.path(ClosedNote))
	return err == nil && !f.works()
}

// Close keeps this boot from working, and says why to whoever is there; with another reason it may be repeated. What
// fails of it opens nothing.
func (f Fence) Close(why string) error {
	noted := f.write(why, ClosedNote)
	f.tell(why)
	err := f.systemctl("--no-block", "start", ClosedTarget)
	if err != nil {
		for _, unit := range Reached {
			f.systemctl("--no-block", "start", unit) // not each machine has each
		}
	}
	if noted != nil {
		return noted
	}
	return err
}

// Open lets this boot work; harmless if it does.
func (f Fence) Open() error {
	if err := f.write("", OpenNote); err != nil {
		return err
	}
	os.Remove(f.path(ClosedNote))
	f.untell()
	if err := f.start(); err != nil {
		return err
	}
	return f.endSkipped()
}

// start starts what was held; a fence may have been taken away since this boot began.
func (f Fence) start() error {
	if _, err := os.Stat(f.path(OpenProgram)); err == nil {
		return f.run(OpenProgram)
	}
	if err := f.systemctl("daemon-reload"); err != nil {
		return err
	}
	return f.systemctl("--no-block", "start", "default.target")
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
