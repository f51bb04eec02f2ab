package dialling

import (
	"fmt"

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
	"upgrade": func(c *control, asked question) (interface{}, error) {
		if c.Upgrade == nil {
			return nil, fmt.Errorf("this system is not upgraded: build its image anew")
		}
		whole, err := c.Upgrade.Take(asked.Piece)
		c.isReplaced = whole && err == nil
		return map[string]bool{"whole": whole}, err
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
