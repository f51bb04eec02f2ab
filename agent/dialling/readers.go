package dialling

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"secondsite/agent/enrolling"
)

const (
	mostReaders      = 64
	greetingPatience = 10 * time.Second
)

type readers struct{ now int32 }

// dial begins to bring a reader to the disks; the appliance knows which by the token.
func (c *control) dial(token string) error {
	if atomic.AddInt32(&c.readers.now, 1) > mostReaders {
		atomic.AddInt32(&c.readers.now, -1)
		return errors.New("this machine serves 64 readers already")
	}
	go func() {
		defer atomic.AddInt32(&c.readers.now, -1)
		if err := c.read(token); err != nil {
			fmt.Fprintln(os.Stderr, "a reader was not served: "+enrolling.Explain(c.address, err).Error())
		}
	}()
	return nil
}

func (c *control) read(token string) error {
	plain, err := c.State.Dial(c.place, c.address)
	if err != nil {
		return err
	}
	line, err := json.Marshal(map[string]string{"role": "reader", "token": token})
	if err != nil {
		return err
	}
	plain.SetWriteDeadline(time.Now().Add(greetingPatience))
	if _, err := plain.Write(append(line, '\n')); err != nil {
		plain.Close()
		return err
	}
	c.Read(plain)
	return nil
}
