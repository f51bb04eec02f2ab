package upgrading

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

const (
	// WatchVerb is the word with which the former program waits for the new one.
	WatchVerb = "watch-upgrade"
	// Trial is how long a new program has to connect.
	Trial = 3 * time.Minute

	look     = 500 * time.Millisecond
	lockFile = "upgrade.lock"
)

// Begin is called as the program starts. If it is on trial the former one waits for it; if it is the former one, or was
// not replaced, the trial is over.
func (u Upgrader) Begin() {
	found, there := u.read()
	if !there {
		u.forget() // what a power cut left of an upgrade that never began
		return
	}
	if !u.isOnTrial(found) {
		fmt.Fprintf(os.Stderr, "version %s is not in place; version %s goes on\n", found.Version, u.Version)
		u.forget()
		return
	}
	found.Version, found.PID = u.Version, os.Getpid()
	u.tell(u.write(found))
	u.Await()
}

// Await has the former program wait for the new one. It must not be up to that one: a service manager starts it, and
// again after a restart of the machine. Without one it is left beyond this program's end.
func (u Upgrader) Await() {
	if isService() {
		u.tell(u.Services.StandBy(u.watching()))
		return
	}
	words := u.watching()
	waiting := exec.Command(words[0], words[1:]...)
	waiting.Stderr, waiting.SysProcAttr = os.Stderr, &syscall.SysProcAttr{Setsid: true}
	if err := waiting.Start(); err != nil {
		u.tell(fmt.Errorf("nobody waits for the new program: %w", err))
	}
}

func (u Upgrader) watching() []string {
	return []string{u.former(), WatchVerb, "--state", u.State, "--program", u.Program, "--seconds",
		fmt.Sprint(int(u.Trial.Seconds()))}
}

// Confirm is called once the appliance has taken this machine. What was replaced goes.
func (u Upgrader) Confirm() {
	if found, there := u.read(); there && found.Version == u.Version {
		fmt.Fprintln(os.Stderr, "version "+u.Version+" is in place")
		u.forget()
		if found.IsService && u.Services != nil {
			u.tell(u.Services.Renew())
		}
	}
}

func (u Upgrader) tell(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "error: "+err.Error())
	}
}

// Watch waits until the new program has connected, and puts this one back if it does not. One at a time does.
func (u Upgrader) Watch() error {
	lock, err := os.OpenFile(u.path(lockFile), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer lock.Close()
	if syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) != nil {
		return nil
	}
	for until := time.Now().Add(u.Trial); time.Now().Before(until); time.Sleep(look) {
		if _, there := u.read(); !there {
			return os.Remove(u.path(lockFile))
		}
	}
	defer os.Remove(u.path(lockFile))
	return u.goBack()
}

// goBack may be repeated from its beginning until the trial is forgotten: whoever is killed amid it is started again, from
// the former program's own file.
func (u Upgrader) goBack() error {
	found, _ := u.read()
	fmt.Fprintf(os.Stderr, "version %s did not connect within %s: the former one is put back\n", found.Version, u.Trial)
	if err := u.putBack(); err != nil {
		return err
	}
	if found.IsService {
		if err := u.Services.StartAgain(); err != nil {
			return err
		}
	} else {
		u.end(found.PID)
	}
	u.forget()
	return nil
}

func (u Upgrader) putBack() error {
	again := u.former() + ".again"
	if err := os.Remove(again); err != nil && !os.IsNotExist(err) {
		return err
	}
	if err := os.Link(u.former(), again); err != nil {
		return err
	}
	// Two names of one file would stay if it was put back before: rename does nothing then.
	if err := os.Rename(again, u.Program); err != nil {
		return err
	}
	os.Remove(again)
	return synced(filepath.Dir(u.Program))
}

// end ends a process that runs the replaced program, if it is one.
func (u Upgrader) end(pid int) {
	running, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
	if pid > 1 && err == nil && strings.HasPrefix(running, u.Program) {
		syscall.Kill(pid, syscall.SIGTERM)
	}
}
