package fencing

import (
	"os"
	"path/filepath"
	"strings"
)

const (
	folder = "run/secondsite-agent"
	// ServiceUnit asks, Target is where a boot leads before, and ClosedTarget where it stays.
	ServiceUnit  = "secondsite-fence.service"
	Target       = "secondsite-fence.target"
	ClosedTarget = "secondsite-fenced.target"
	// OpenNote is there from when this boot may work; the generator looks for it.
	OpenNote = "/" + folder + "/boot-is-open"
	// OpenedNote is there once all was started that was held: until then whoever was ended while it opened is followed by
	// another.
	OpenedNote = "/" + folder + "/boot-was-opened"
	// ClosedNote is there while it may not; it says why.
	ClosedNote = "/" + folder + "/fenced"
	// Generator has each boot ask, and holds its services.
	Generator = "/etc/systemd/system-generators/secondsite-fence"
	// LeadsHere is there on a boot that began with a fence, until it is open; also if it was led to a shell.
	LeadsHere = "/run/systemd/generator.early/default.target"
	// HeldDropIn is there while systemd keeps services from starting; it goes for a moment with each daemon-reload.
	HeldDropIn = "/run/systemd/generator.early/service.d/zz-secondsite.conf"
	// OpenProgram starts what a boot starts that is open; it needs nothing of this program, which may be gone.
	OpenProgram = "/etc/secondsite-agent/open-boot"
	// NobodySaid and Unasked begin what a closed boot says of which nobody knows whether it was failed over.
	NobodySaid = "nobody said"
	Unasked    = "*** This machine is fenced: its program"
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

// IsClosed tells whether this boot is kept from working, until all was started that was held. Whoever starts the targets of
// its services gets none of them, unless somebody took away by hand what holds these. Where no note can be made, as no inode
// is free, it is closed as long as it leads here.
func (f Fence) IsClosed() bool {
	isNoted := f.has(ClosedNote) || (f.has(LeadsHere) && !f.has(OpenNote))
	return isNoted && !f.has(OpenedNote) && (f.has(Generator) || !f.isActive("basic.target"))
}

// IsOpen tells whether this boot may work, perhaps as a person said meanwhile; not all may be started yet.
func (f Fence) IsOpen() bool { return f.has(OpenNote) }

// Told is what the appliance said of this boot as it was closed; empty if nobody said that it was failed over. A note that
// could not be written, as no byte was free, counts as one that was told.
func (f Fence) Told() string {
	text, err := os.ReadFile(f.path(ClosedNote))
	why := strings.TrimSpace(string(text))
	switch {
	case err != nil, strings.HasPrefix(why, NobodySaid), strings.HasPrefix(why, Unasked):
		return ""
	case why == "":
		return "it was failed over, or nobody could note that it was not."
	}
	return why
}

// Spare has this boot go on that began without a fence: a fence begins with the next one. Without it each service was held
// that was started anew, on a machine that works.
func (f Fence) Spare() error {
	isHeld := f.has(ClosedNote) && f.has(Generator)
	if isHeld || f.IsOpen() || f.has(LeadsHere) {
		return nil
	}
	works, err := f.isActiveWithin(patience, "basic.target")
	if err != nil || !works {
		return err
	}
	if err := f.write("", OpenNote); err != nil {
		return err
	}
	return f.noteOpened()
}

// noteOpened is the end of a boot that was held, if it was.
func (f Fence) noteOpened() error {
	if err := f.write("", OpenedNote); err != nil {
		return err
	}
	os.Remove(f.path(ClosedNote))
	f.untell()
	return nil
}

// Close keeps this boot from working, and says why to whoever is there; with another reason it may be repeated. What
// fails of it opens nothing.
func (f Fence) Close(why string) error { return f.close(why, func() {}) }

// CloseAsTold is Close once it is known that the machine runs elsewhere: what was up to ask that ends.
func (f Fence) CloseAsTold(why string) error { return f.close(why, f.endTunnels) }

func (f Fence) close(why string, also func()) error {
	noted := f.write(why, ClosedNote)
	if !f.has(HeldDropIn) { // as on a boot that was led to a shell: from now on it is held as any
		f.systemctl("daemon-reload")
	}
	err := f.systemctl("--no-block", "start", ClosedTarget)
	also()
	f.tell(why) // last: a terminal that takes nothing holds it up
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
	if err := f.start(); err != nil {
		return err
	}
	if err := f.endSkipped(); err != nil {
		return err
	}
	return f.noteOpened()
}

// start starts what was held; a fence may have been taken away since this boot began.
func (f Fence) start() error {
	if f.has(OpenProgram) {
		return f.runWithin(openPatience, OpenProgram)
	}
	if err := f.systemctl("daemon-reload"); err != nil {
		return err
	}
	return f.systemctl("--no-block", "start", "default.target")
}

func (f Fence) has(note string) bool {
	_, err := os.Stat(f.path(note))
	return err == nil
}

func (f Fence) path(parts ...string) string {
	return filepath.Join(append([]string{string(f)}, parts...)...)
}

func (f Fence) write(text string, parts ...string) error {
	path := f.path(parts...)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	if text != "" { // what is only to be there is made also where no byte is free
		text += "\n"
	}
	return os.WriteFile(path, []byte(text), 0o644)
}
