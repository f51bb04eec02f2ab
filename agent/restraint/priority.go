package restraint

import (
	"runtime"

	"golang.org/x/sys/unix"
)

const (
	lowest    = 19
	whoThread = 1
	idleClass = 3 << 13
)

// Unhurried runs work at the lowest priority of processor and disks. Its thread ends with it: a nice value cannot be
// lowered again without a privilege.
func Unhurried(work func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread()
		unix.Setpriority(unix.PRIO_PROCESS, unix.Gettid(), lowest)
		unix.Syscall(unix.SYS_IOPRIO_SET, whoThread, 0, idleClass)
		work()
	}()
	<-done
}
