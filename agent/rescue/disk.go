package rescue

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"

	"secondsite/agent/disks"
)

// Disk is one disk of this machine; it is offered if nothing is refused.
type Disk struct {
	Key       string `json:"key"`
	Name      string `json:"name"`
	SizeBytes int64  `json:"size_bytes"`
	// SectorBytes is the least that it writes: what a system's partitions are counted in.
	SectorBytes int64           `json:"sector_bytes"`
	Holds       []disks.Content `json:"holds"`
	// Serial is the number that stands on it, if it tells one; Drivers are the modules by which it is reached here.
	Serial  string   `json:"serial,omitempty"`
	Drivers []string `json:"drivers,omitempty"`
	// Refused is why it is not offered, a sentence.
	Refused string `json:"refused,omitempty"`
	// WrittenBytes is how much was written to it, or made zeros, since this process offers it.
	WrittenBytes int64 `json:"written_bytes"`

	machine *Machine
	file    *os.File
	written int64
	// A write within a sector reads it before: no other write may come between.
	whole sync.RWMutex
	edges []byte
}

// open takes the disk for this process alone, as a mount would; why not, or nothing.
func (d *Disk) open() string {
	flags := os.O_RDWR | syscall.O_DIRECT | syscall.O_CLOEXEC | syscall.O_EXCL
	file, err := os.OpenFile("/dev/"+d.Name, flags, 0)
	switch {
	case errors.Is(err, syscall.EBUSY):
		return "something on this machine uses it"
	case err != nil:
		return fmt.Sprintf("it cannot be opened for writing: %v", err)
	}
	if d.edges, err = disks.Buffer(edgeBytes); err != nil {
		file.Close()
		return err.Error()
	}
	d.file = file
	d.Holds = append(d.Holds, d.unknown()...)
	return ""
}

func (d *Disk) close() {
	if d.file != nil {
		d.file.Close()
		disks.FreeBuffer(d.edges)
		d.file = nil
	}
}

// Size is in bytes.
func (d *Disk) Size() int64 { return d.SizeBytes }

// Claim counts a writer; there is none any more once the machine ends.
func (d *Disk) Claim() error { return d.machine.begin() }

// Release is called once for each claim.
func (d *Disk) Release() { d.machine.finish() }

// Read fills an aligned buffer from an aligned place.
func (d *Disk) Read(into []byte, offset int64) error {
	return d.each(into, offset, "read", func(part []byte, at int64) (int, error) {
		return unix.Pread(int(d.file.Fd()), part, at)
	})
}

// Write writes at any place; whole sectors from memory that lies as they do go to the disk directly.
func (d *Disk) Write(data []byte, offset int64) error {
	atomic.AddInt64(&d.written, int64(len(data)))
	if !d.isWhole(offset, int64(len(data))) {
		return d.writeEdges(data, offset)
	}
	d.whole.RLock()
	defer d.whole.RUnlock()
	return d.put(data, offset)
}

func (d *Disk) put(data []byte, offset int64) error {
	return d.each(data, offset, "written", func(part []byte, at int64) (int, error) {
		return unix.Pwrite(int(d.file.Fd()), part, at)
	})
}

// Flush returns once the disk has for good what was written.
func (d *Disk) Flush() error {
	if err := unix.Fdatasync(int(d.file.Fd())); err != nil {
		return fmt.Errorf("disk %s does not say that it has what was written: %w", d.Name, err)
	}
	return nil
}

func (d *Disk) isWhole(offset, length int64) bool {
	return offset%d.SectorBytes == 0 && length%d.SectorBytes == 0
}

// each goes on until all is done.
func (d *Disk) each(data []byte, offset int64, done string, work func([]byte, int64) (int, error)) error {
	for len(data) > 0 {
		n, err := work(data, offset)
		if errors.Is(err, syscall.EINTR) {
			continue
		}
		if err == nil && n <= 0 {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return fmt.Errorf("disk %s cannot be %s at %d: %w", d.Name, done, offset, err)
		}
		data, offset = data[n:], offset+int64(n)
	}
	return nil
}
