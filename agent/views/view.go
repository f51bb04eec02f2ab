package views

import (
	"bytes"
	"fmt"
	"sync"

	"secondsite/agent/disks"
	"secondsite/agent/marks"
)

// View is what a reader gets, until the next one is opened.
type View struct {
	Name string
	// Dirty is the blocks of each disk that may have changed since the base.
	Dirty []*marks.Set

	disks []*disks.Disk
	// held is the content of the dirty blocks of a frozen view, disk by disk in their order; nil for a live one.
	held []byte
	// starts is where each disk's blocks begin in it.
	starts []int

	lock   sync.RWMutex
	closed bool
}

// Read fills an aligned buffer from an aligned place. A frozen view has only what is dirty.
func (v *View) Read(disk int, into []byte, offset int64) error {
	v.lock.RLock()
	defer v.lock.RUnlock()
	if v.closed {
		return fmt.Errorf("view %s was closed", v.Name)
	}
	if v.held == nil {
		return v.disks[disk].ReadAt(into, offset)
	}
	for len(into) > 0 {
		block := int(offset / marks.BlockBytes)
		content, err := v.block(disk, block)
		if err != nil {
			return err
		}
		n := copy(into, content[offset%marks.BlockBytes:])
		into, offset = into[n:], offset+int64(n)
	}
	return nil
}

// Keys are those of its disks.
func (v *View) Keys() []string {
	keys := make([]string, len(v.disks))
	for at, disk := range v.disks {
		keys[at] = disk.Key
	}
	return keys
}

func (v *View) block(disk, block int) ([]byte, error) {
	if !v.Dirty[disk].Has(block) {
		return nil, fmt.Errorf("block %d of disk %s did not change, and this view has only what did", block,
			v.disks[disk].Key)
	}
	at := v.starts[disk] + v.Dirty[disk].Rank(block)*marks.BlockBytes
	return v.held[at : at+marks.BlockBytes], nil
}

// IsZero tells whether a block is known to be all zeros; only a frozen view knows.
func (v *View) IsZero(disk, block int) bool {
	v.lock.RLock()
	defer v.lock.RUnlock()
	if v.closed || v.held == nil || !v.Dirty[disk].Has(block) {
		return false
	}
	content, _ := v.block(disk, block)
	return bytes.Equal(content, noBytes[:])
}

var noBytes [marks.BlockBytes]byte

func (v *View) close() {
	v.lock.Lock()
	defer v.lock.Unlock()
	if !v.closed {
		v.closed = true
		disks.FreeBuffer(v.held)
		v.held = nil
	}
}

// Opened is the view that is open now; nil if there is none.
func (m *Machine) Opened() *View {
	m.lock.Lock()
	defer m.lock.Unlock()
	return m.view
}

// CloseView ends the view; harmless without one.
func (m *Machine) CloseView() {
	m.lock.Lock()
	defer m.lock.Unlock()
	m.closeView()
}

func (m *Machine) closeView() {
	if m.view != nil {
		m.view.close()
		m.view = nil
	}
}
