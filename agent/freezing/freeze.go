package freezing

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

const (
	fifreeze = 0xC0045877
	fithaw   = 0xC0045878
)

// Freezer has the file systems open, so that nothing must be looked up while they are frozen.
type Freezer struct {
	systems []FileSystem
	files   []*os.File
	frozen  []bool
}

// Open opens their mount points.
func Open(systems []FileSystem) (*Freezer, error) {
	f := &Freezer{systems: systems, frozen: make([]bool, len(systems))}
	for _, system := range systems {
		file, err := os.OpenFile(system.Mount, os.O_RDONLY|syscall.O_DIRECTORY|syscall.O_CLOEXEC, 0)
		if err != nil {
			f.Close()
			return nil, fmt.Errorf("%s cannot be opened to freeze it: %w", system.Mount, err)
		}
		f.files = append(f.files, file)
	}
	return f, nil
}

// Close does not thaw.
func (f *Freezer) Close() {
	for _, file := range f.files {
		file.Close()
	}
}

// Sync writes out what is dirty, so that the freeze that follows is short.
func (f *Freezer) Sync() error {
	for at, file := range f.files {
		if err := unix.Syncfs(int(file.Fd())); err != nil {
			return fmt.Errorf("%s cannot be written out: %w", f.systems[at].Mount, err)
		}
	}
	return nil
}

// Freeze stops all of them, the last mounted first: a file system in a file stands on another one. Of those that
// know no freeze (vfat) nothing is asked: the counters of the disks say whether they were written.
func (f *Freezer) Freeze() error {
	for at := len(f.files) - 1; at >= 0; at-- {
		failed := ioctl(f.files[at], fifreeze)
		switch {
		case failed == 0:
			f.frozen[at] = true
		case failed == unix.EOPNOTSUPP || failed == unix.ENOTTY:
		case failed == unix.EBUSY:
			return fmt.Errorf("%s was frozen by another program: thaw it, or wait", f.systems[at].Mount)
		default:
			return fmt.Errorf("%s could not be frozen: %w", f.systems[at].Mount, failed)
		}
	}
	return nil
}

// ErrThawed says that somebody else thawed a file system: what was read is of no instant.
var ErrThawed = errors.New("a file system was thawed before its time")

// Thaw resumes all that Freeze stopped.
func (f *Freezer) Thaw() error {
	var early error
	for at, file := range f.files {
		if f.frozen[at] && ioctl(file, fithaw) != 0 {
			early = ErrThawed
		}
		f.frozen[at] = false
	}
	return early
}

// Unfrozen names the file systems that know no freeze; ask while the others are frozen.
func (f *Freezer) Unfrozen() []string {
	var names []string
	for at, system := range f.systems {
		if !f.frozen[at] {
			names = append(names, system.Mount)
		}
	}
	return names
}

func (f *Freezer) thawAll() {
	for _, file := range f.files {
		ioctl(file, fithaw)
	}
}

func ioctl(file *os.File, request uintptr) syscall.Errno {
	for {
		_, _, failed := syscall.Syscall(syscall.SYS_IOCTL, file.Fd(), request, 0)
		if failed != syscall.EINTR {
			return failed
		}
	}
}
