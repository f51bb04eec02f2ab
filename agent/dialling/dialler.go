package dialling

import (
	"context"
	"fmt"
	"net"
	"os"
	"sync"
	"time"

	"secondsite/agent/enrolling"
	"secondsite/agent/serving"
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

	// asking: such questions are answered one after the other, also those of a connection that was lost meanwhile.
	asking  sync.Mutex
	readers readers
	said    string
}

// Run stays connected until the context ends; an appliance that is away for days is dialled for days.
func (d *Dialler) Run(until context.Context) error {
	if _, err := d.State.Appliance(); err != nil {
		return err
	}
	pauses := newBackoff()
	for until.Err() == nil {
		began := time.Now()
		if err := d.once(until); until.Err() == nil {
			d.say(err)
		}
		select {
		case <-until.Done():
		case <-time.After(pauses.after(time.Since(began))):
		}
	}
	return nil
}

// once dials each address, and stays at the first that answers.
func (d *Dialler) once(until context.Context) error {
	appliance, err := d.State.Appliance()
	if err != nil {
		return err
	}
	var troubles error
	for _, address := range appliance.Addresses {
		connection, err := d.State.Dial(appliance, address)
		if err != nil {
			troubles = joined(troubles, enrolling.Explain(address, err))
			continue
		}
		control := newControl(d, connection, appliance, address)
		return enrolling.Explain(address, control.serve(until))
	}
	return troubles
}

func joined(one, other error) error {
	if one == nil {
		return other
	}
	return fmt.Errorf("%w; %v", one, other)
}

// say logs what is new: an appliance that is away for days fills no log.
func (d *Dialler) say(err error) {
	words := ""
	if err != nil {
		words = err.Error()
	}
	if words != d.said && words != "" {
		fmt.Fprintln(os.Stderr, "not connected: "+words)
	}
	d.said = words
}

func (d *Dialler) connected(address string) {
	fmt.Fprintln(os.Stderr, "connected to "+address)
	d.said = ""
}
