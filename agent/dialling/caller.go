package dialling

import (
	"context"
	"fmt"
	"os"
	"time"

	"secondsite/agent/enrolling"
)

// caller stays connected to one of some places: the first that takes this machine.
type caller struct {
	*Dialler
	isHome bool
	// places is asked anew each time.
	places func() ([]enrolling.Place, error)
	said   string
}

// call dials until the context ends; an appliance that is away for days is dialled for days.
func (c *caller) call(until context.Context) {
	pauses := newBackoff()
	for until.Err() == nil {
		began := time.Now()
		if err := c.once(until); until.Err() == nil {
			c.say(err)
		}
		select {
		case <-until.Done():
		case <-time.After(pauses.after(time.Since(began), c.Hurries != nil && c.Hurries())):
		}
	}
}

// once dials each address of each place. One that took this machine, and left, is dialled first again.
func (c *caller) once(until context.Context) error {
	places, troubles := c.places()
	for _, place := range places {
		for _, address := range place.Addresses {
			connection, err := c.State.Dial(place, address)
			if err != nil {
				troubles = joined(troubles, c.explained(address, err))
				continue
			}
			control := newControl(c, connection, place, address)
			err = c.explained(address, control.serve(until))
			if control.isWelcome || until.Err() != nil {
				return err
			}
			troubles = joined(troubles, err)
			break // its other addresses lead to the same appliance
		}
	}
	return troubles
}

func (c *caller) explained(address string, err error) error {
	if !c.isHome && enrolling.IsRefused(err) {
		return fmt.Errorf("%s: the appliance there knows of no machine with this agent that was started at its site", address)
	}
	return enrolling.Explain(address, err)
}

func joined(one, other error) error {
	if one == nil {
		return other
	}
	return fmt.Errorf("%w; %v", one, other)
}

// say logs what is new: an appliance that is away for days fills no log.
func (c *caller) say(err error) {
	words := ""
	if err != nil {
		words = err.Error()
	}
	if words != c.said && words != "" {
		fmt.Fprintln(os.Stderr, "not connected: "+words)
	}
	c.said = words
}

func (c *caller) connected(address string) {
	fmt.Fprintln(os.Stderr, "connected to "+address)
	c.said = ""
}
