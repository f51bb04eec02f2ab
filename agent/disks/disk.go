package disks

import (
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Disk is one disk of this machine.
type Disk struct {
	Key       string    `json:"key"`
	Name      string    `json:"name"`
	SizeBytes int64     `json:"size_bytes"`
	Holds     []Content `json:"holds"`
	// Refused is why it cannot be followed, a sentence; empty if it can.
	Refused string `json:"refused,omitempty"`

	// Serial is set where a disk is offered for writing: a person names it by that.
	Serial string `json:"-"`

	// Identity differs once another disk has this name.
	Identity string `json:"-"`

	Major uint32   `json:"-"`
	Minor uint32   `json:"-"`
	Paths []string `json:"-"`

	file *os.File
	stat *os.File
}

// Open makes the disk readable, past the page cache.
func (d *Disk) Open() error {
	file, err := os.OpenFile("/dev/"+d.Name, os.O_RDONLY|syscall.O_DIRECT|syscall.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("disk %s cannot be opened: %w", d.Key, err)
	}
	stat, err := os.Open("/sys/block/" + d.Name + "/stat")
	if err != nil {
		file.Close()
		return fmt.Errorf("the counters of disk %s cannot be opened: %w", d.Key, err)
	}
	d.file, d.stat = file, stat
	return nil
}

// Close is harmless when repeated.
func (d *Disk) Close() {
	if d.file != nil {
		d.file.Close()
		d.stat.Close()
		d.file = nil
	}
}

// ReadAt fills an aligned buffer from an aligned place of the disk; both lie within it.
func (d *Disk) ReadAt(into []byte, offset int64) error {
	for len(into) > 0 {
		n, err := syscall.Pread(int(d.file.Fd()), into, offset)
		if errors.Is(err, syscall.EINTR) {
			continue
		}
		if err == nil && n == 0 {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return fmt.Errorf("disk %s cannot be read at %d: %w", d.Key, offset, err)
		}
		into, offset = into[n:], offset+int64(n)
	}
	return nil
}

// Buffer returns memory that the kernel may read disks into directly. Free it with FreeBuffer.
func Buffer(length int) ([]byte, error) {
	buffer, err := unix.Mmap(-1, 0, length, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		return nil, fmt.Errorf("there are no %d bytes of memory: %w", length, err)
	}
	return buffer, nil
}

// FreeBuffer gives the memory back.
func FreeBuffer(buffer []byte) {
	if len(buffer) > 0 {
		unix.Munmap(unsafe.Slice(&buffer[0], cap(buffer)))
	}
}
