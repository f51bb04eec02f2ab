package enrolling

import (
	"net"
	"os"
	"strings"
)

const (
	reachedFile = "reached"
	mostReached = 512
)

// Reached is where the appliance was last, if it is called by a name: at a boot, before its services, perhaps nobody
// knows the name. Whoever is there now has to have the appliance's certificate all the same.
func (s State) Reached() []string {
	text, err := os.ReadFile(s.path(reachedFile))
	if err != nil || len(text) == 0 || len(text) > mostReached {
		return nil
	}
	return []string{strings.TrimSpace(string(text))}
}

// Home is where this machine was enrolled, and last the address that was reached there: a name may not be known.
func (s State) Home() (Place, error) {
	appliance, err := s.Appliance()
	if err != nil {
		return Place{}, err
	}
	place, err := appliance.Place()
	place.Addresses = append(append([]string{}, place.Addresses...), s.Reached()...)
	return place, err
}

// KeepReached keeps where an address led, if it is a name, and that is news.
func (s State) KeepReached(address, led string) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil || net.ParseIP(host) != nil {
		return err
	}
	if before := s.Reached(); len(before) == 1 && before[0] == led {
		return nil
	}
	return s.write(reachedFile, []byte(led+"\n"))
}
