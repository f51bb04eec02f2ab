package nbd

import (
	"errors"

	"secondsite/agent/views"
)

// viewed offers the disks of the view that is open.
type viewed struct{ machine *views.Machine }

// Views offers the disks of the view that is open, to be read.
func Views(machine *views.Machine) Offer { return viewed{machine} }

func (v viewed) Keys() (keys []string) {
	for _, disk := range v.machine.Disks {
		keys = append(keys, disk.Key)
	}
	return keys
}

func (v viewed) Choose(key string) (Disk, error) {
	disk, err := v.machine.Disk(key)
	if err != nil {
		return nil, err
	}
	view := v.machine.Opened()
	if view == nil {
		return nil, errors.New("no view is open")
	}
	return viewedDisk{view, disk, v.machine.Disks[disk].SizeBytes}, nil
}

type viewedDisk struct {
	view *views.View
	disk int
	size int64
}

func (d viewedDisk) Size() int64 { return d.size }

func (d viewedDisk) Read(into []byte, offset int64) error { return d.view.Read(d.disk, into, offset) }

func (d viewedDisk) contexts() []context { return contextsOf(d.view, d.disk) }
