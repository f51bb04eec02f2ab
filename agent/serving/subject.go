package serving

import (
	"secondsite/agent/nbd"
	"secondsite/agent/views"
)

// Subject is what is spoken about: a machine that is followed, or one that offers its disks.
type Subject interface {
	Answer(Request) Answer
	Offer() nbd.Offer
}

type followed struct{ machine *views.Machine }

// Followed speaks about a machine that is followed.
func Followed(machine *views.Machine) Subject { return followed{machine} }

func (f followed) Answer(request Request) Answer { return answered(f.machine, request) }

func (f followed) Offer() nbd.Offer { return nbd.Views(f.machine) }

type mute struct{ why error }

// Mute speaks about a machine of which nothing is followed.
func Mute(why error) Subject { return mute{why} }

func (m mute) Answer(request Request) Answer {
	if request.Do == "unfence" {
		return answered(nil, request)
	}
	return Answer{Error: m.why.Error(), Code: "failed"}
}

func (m mute) Offer() nbd.Offer { return nil }

// Unknown is the answer to a verb that there is not.
func Unknown(request Request) Answer {
	return Answer{Error: "This agent knows no " + request.Do + ".", Code: "unknown"}
}
