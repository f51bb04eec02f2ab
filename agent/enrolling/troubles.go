package enrolling

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"
	"time"
)

const askAgain = "enroll this machine again, with a key of 'secondsite appliance agents key --for MACHINE'"

// alerts are what the appliance's side of TLS says, by words in it.
var alerts = []struct{ word, meaning string }{
	{"unknown certificate authority", "the appliance has another certificate authority than when this machine was " +
		"enrolled: " + askAgain},
	{"bad certificate", "the appliance does not accept this machine's certificate; its clock may be wrong, else " + askAgain},
	{"unknown certificate", "the appliance does not accept this machine's certificate: " + askAgain},
	{"protocol version", "it does not speak TLS 1.3: is it the appliance's port for agents?"},
}

// Explain says what is wrong with the way to an appliance, and what to do.
func Explain(address string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %s", address, meaning(err))
}

func meaning(err error) string {
	var names *net.DNSError
	var foreign tls.RecordHeaderError
	var slow net.Error
	switch {
	case errors.Is(err, ErrOtherCA):
		return "another certificate authority answers there than this key or enrollment names; is it the right appliance, " +
			"and the key one of it? Nothing was said to it"
	case errors.As(err, &names):
		return "its name is not known to this machine's name server: give an address, or mend /etc/resolv.conf"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "nobody listens there: is the appliance running, and is this its port for agents (9446 by default)?"
	case errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EHOSTUNREACH):
		return "no way leads there from this machine: look at its routes and firewall"
	case errors.As(err, &foreign):
		return "what answers there does not speak TLS: is it the appliance's port for agents (9446 by default)?"
	case errors.As(err, &slow) && slow.Timeout():
		return "no answer: a firewall may close the port on the way"
	}
	for _, alert := range alerts {
		if strings.Contains(err.Error(), alert.word) {
			return alert.meaning
		}
	}
	return err.Error()
}

// IsRefused tells whether the appliance does not accept this machine's certificate.
func IsRefused(err error) bool {
	var refusal *Refusal
	if errors.As(err, &refusal) {
		return refusal.Code == "revoked"
	}
	return err != nil && (strings.Contains(err.Error(), "unknown certificate") || strings.Contains(err.Error(), "bad certificate"))
}

// ClockOff says so if this machine's clock differs much from the appliance's.
func ClockOff(theirs float64) string {
	away := time.Since(time.Unix(int64(theirs), 0)).Round(time.Second)
	if theirs == 0 || (away < time.Hour && away > -time.Hour) {
		return ""
	}
	return fmt.Sprintf("this machine's clock differs from the appliance's by %s: set it", away)
}
