package upgrading

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

const (
	// WatchVerb is the word with which the former program waits for the new one.
	WatchVerb = "watch-upgrade"
	// Trial is how long a new program has to connect.
	Trial = 3 * time.Minute

	look            = 500 * time.Millisecond
	restartPatience = time.Minute
	lockFile        = "upgrade.lock"
	unit            = "secondsite-agent.service"
)

// Begin is called as the program starts. If it is on trial the former one begins to wait for it; if it is the former
// one, or was not replaced, the trial is over.
func (u Upgrader) Begin(trial time.Duration) {
	found, there := u.read()
	if !there {
		u.forget() // what a power cut left of an upgrade that never began
		return
	}
	if found.Version != u.Version {
		fmt.Fprintf(os.Stderr, "version %s is not in place; version %s goes on\n", found.Version, u.Version)
		u.forget()
		return
	}
	found.PID = os.Getpid()
	if err := u.write(found); err != nil {
		fmt.Fprintln(os.Stderr, "error: "+err.Error())
	}
	u.Await(trial)
}

// Await has the former program wait for the new one, also beyond this one's end: the service's KillMode leaves it alone.
func (u Upgrader) Await(trial time.Duration) {
	waiting := exec.Command(u.former(), WatchVerb, "--state", u.State, "--program", u.Program, "--seconds",
		fmt.Sprint(int(trial.Seconds())))
	waiting.Stderr, waiting.SysProcAttr = os.Stderr, &syscall.SysProcAttr{Setsid: true}
	if err := waiting.Start(); err != nil {
		fmt.Fprintln(os.Stderr, "error: nobody waits for the new program: "+err.Error())
	}
}

// Confirm is called once the appliance has taken this machine. What was replaced goes.
func (u Upgrader) Confirm() {
	if found, there := u.read(); there && found.Version == u.Version {
		fmt.Fprintln(os.Stderr, "version "+u.Version+" is in place")
		u.forget()
		u.settle(found)
	}
}

func (u Upgrader) settle(found note) {
	if !found.IsService || u.Settle == nil {
		return
	}
	if err := u.Settle(); err != nil {
		fmt.Fprintln(os.Stderr, "error: the unit stays as the former version wrote it: "+err.Error())
	}
}

// Watch waits until the new program has connected, and puts this one back if it does not. One at a time does.
func (u Upgrader) Watch(trial time.Duration) error {
	lock, err := os.OpenFile(u.path(lockFile), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer lock.Close()
	if syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) != nil {
		return nil
	}
	for until := time.Now().Add(trial); time.Now().Before(until); time.Sleep(look) {
		if _, there := u.read(); !there {
			return os.Remove(u.path(lockFile))
		}
	}
	defer os.Remove(u.path(lockFile))
	return u.goBack(trial)
}

func (u Upgrader) goBack(trial time.Duration) error {
	found, _ := u.read()
	fmt.Fprintf(os.Stderr, "version %s did not connect within %s: the former one is put back\n", found.Version, trial)
	if err := os.Rename(u.former(), u.Program); err != nil {
		return err
	}
	if err := synced(u.State); err != nil {
		return err
	}
	u.forget()
	if found.IsService {
		patience, cancel := context.WithTimeout(context.Background(), restartPatience)
		defer cancel()
		return exec.CommandContext(patience, "systemctl", "restart", unit).Run()
	}
	u.end(found.PID)
	return nil
}

// end ends a process that runs the replaced program, if it is one.
func (u Upgrader) end(pid int) {
	running, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
	if pid > 1 && err == nil && strings.HasPrefix(running, u.Program) {
		syscall.Kill(pid, syscall.SIGTERM)
	}
}
