package dialling

import (
	"secondsite/agent/enrolling"
	"secondsite/agent/serving"
)

// kept are the questions that have this machine write something down. Only the appliance at which it was enrolled may ask
// them.
var kept = map[string]func(*control, question) (interface{}, error){
	"renew": func(c *control, _ question) (interface{}, error) {
		request, err := c.State.Renew(HostName())
		return map[string]string{"request": request}, err
	},
	"keep": func(c *control, asked question) (interface{}, error) {
		return nil, c.State.Keep(asked.Certificate)
	},
	"elsewhere": func(c *control, asked question) (interface{}, error) {
		return nil, c.State.KeepElsewhere(enrolling.Elsewhere{Hardware: c.Hello().ProductUUID, Places: asked.Places})
	},
}

// keep waits for no frozen file system: the thaw would be asked behind it.
func (c *control) keep(verb func(*control, question) (interface{}, error), asked question) serving.Answer {
	switch {
	case !c.isHome:
		return serving.Answer{Error: "This machine was enrolled at another appliance.", Code: "failed"}
	case c.IsStill != nil && c.IsStill():
		return serving.Answer{Error: "The file systems stand still: ask again later.", Code: "busy"}
	}
	return told(verb(c, asked))
}
