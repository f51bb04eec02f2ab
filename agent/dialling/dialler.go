package dialling

import (
	"context"
	"net"
	"sync"

	"secondsite/agent/enrolling"
	"secondsite/agent/serving"
	"secondsite/agent/upgrading"
)

// Dialler knows what is served, and to whom.
type Dialler struct {
	State enrolling.State
	// Hello is asked anew for each connection.
	Hello func() Hello
	// Answer answers a question that is about the disks.
	Answer func(line []byte) serving.Answer
	// Read serves a reader until it leaves, and closes the connection.
	Read func(net.Conn)
	// IsStill tells whether file systems stay frozen now; nil if none ever do.
	IsStill func() bool
	// Hurries tells whether this machine stands still until its appliance lets it go on; nil if it never does.
	Hurries func() bool
	// Upgrade replaces this program; nil if nobody may.
	Upgrade *upgrading.Upgrader
	// Restart ends this program in order: whoever started it starts it again.
	Restart func()

	// asking: such questions are answered one after the other, also those of a connection that was lost meanwhile.
	asking  sync.Mutex
	readers readers
}

// Run stays connected until the context ends: to the appliance at which this machine was enrolled, and on other hardware
// also to one of those that it was told of.
func (d *Dialler) Run(until context.Context) error {
	if _, err := d.State.Appliance(); err != nil {
		return err
	}
	away := make(chan struct{})
	go func() {
		defer close(away)
		(&caller{Dialler: d, places: d.elsewhere}).call(until)
	}()
	(&caller{Dialler: d, isHome: true, places: d.home}).call(until)
	<-away
	return nil
}

func (d *Dialler) home() ([]enrolling.Place, error) {
	place, err := d.State.Home()
	return []enrolling.Place{place}, err
}

// elsewhere is nobody as long as this machine is where it was told of them.
func (d *Dialler) elsewhere() ([]enrolling.Place, error) {
	told, err := d.State.Elsewhere()
	if err != nil || !told.Always && told.Hardware == d.Hello().ProductUUID {
		return nil, err
	}
	return told.Places, nil
}
