package freezing

import (
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"secondsite/agent/restraint"
)

// WatchdogVerb is the word with which the program becomes a watchdog.
const WatchdogVerb = "watchdog"

const (
	arm    = 'A'
	disarm = 'D'
	leave  = 'L'
	silent = 's'
	fired  = 'f'
	again  = 100 * time.Millisecond
)

// Watch is what the watchdog's process does: it thaws the file systems when the time after `arm` is over, and when its
// standard input closes before `disarm`, as by the agent's death. It thaws again and again until it is told to stop: a
// freeze that is still on its way would come after the thaw, and outlive everybody. Unarmed it thaws nothing: what is
// frozen then was frozen by somebody else. Armed again it begins its time anew, and still says whether it had fired.
//
// After `leave` it switches the machine off in place of a thaw: its last changes arrived, and its copy may run elsewhere.
// If the kernel refuses, the file systems stay frozen, which is as good.
func Watch(deadline time.Duration, mounts []string) error {
	systems := make([]FileSystem, len(mounts))
	for at, mount := range mounts {
		systems[at].Mount = mount
	}
	f, err := Open(systems)
	if err != nil {
		return err
	}
	if err := restraint.StayAlive(); err != nil {
		return fmt.Errorf("the watchdog cannot stay in memory: %w", err)
	}
	word, wait, answer, leaves := make([]byte, 1), -1, byte(silent), false
	os.Stdout.Write([]byte{silent})
	for {
		switch told, ended := listen(word, wait); {
		case ended:
			if wait >= 0 {
				f.end(leaves)
			}
			return nil
		case !told:
			f.end(leaves)
			answer, wait = fired, int(again.Milliseconds())
		case word[0] == leave:
			leaves = true
			os.Stdout.Write([]byte{answer})
		case word[0] == arm:
			if wait < 0 {
				answer = silent
			}
			wait = int(deadline.Milliseconds())
			os.Stdout.Write([]byte{answer})
		case word[0] == disarm:
			wait, leaves = -1, false
			os.Stdout.Write([]byte{answer})
		}
	}
}

// end thaws, or switches the machine off.
func (f *Freezer) end(leaves bool) {
	if !leaves {
		f.thawAll()
		return
	}
	unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF)
}

// listen waits that many milliseconds for a word; forever if negative.
func listen(word []byte, wait int) (told, ended bool) {
	for {
		ready, err := unix.Poll([]unix.PollFd{{Fd: 0, Events: unix.POLLIN}}, wait)
		if err == unix.EINTR {
			continue
		}
		if ready == 0 && err == nil {
			return false, false
		}
		n, err := unix.Read(0, word)
		return n == 1, n == 0 || err != nil
	}
}
