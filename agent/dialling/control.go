package dialling

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"time"

	"secondsite/agent/enrolling"
	"secondsite/agent/serving"
	"secondsite/agent/upgrading"
)

const (
	mostLine = 1 << 20
	// silence is how long the appliance may say nothing: it asks every ten seconds whether this machine is there.
	silence = 30 * time.Second
	// mostWaiting questions wait for the one before them.
	mostWaiting = 16
	// fenceLook is how often a fenced machine looks whether it works meanwhile.
	fenceLook = 2 * time.Second
)

// question is what any line of the appliance may hold.
type question struct {
	Number      int64             `json:"number"`
	Do          string            `json:"do"`
	Token       string            `json:"token"`
	Certificate string            `json:"certificate"`
	Places      []enrolling.Place `json:"places"`
	upgrading.Piece
	enrolling.Refusal
	OK   *bool `json:"ok"`
	Told struct {
		Clock float64 `json:"clock"`
	} `json:"told"`
}

type answer struct {
	Number int64 `json:"number"`
	serving.Answer
}

// control is one control connection.
type control struct {
	*caller
	connection net.Conn
	place      enrolling.Place
	address    string
	sending    sync.Mutex
	waiting    chan func()
	ended      chan struct{}
	// isWelcome is that the appliance took this machine.
	isWelcome bool
	// isReplaced is that another program waits for this one's end.
	isReplaced bool
}

func newControl(by *caller, c net.Conn, place enrolling.Place, address string) *control {
	return &control{
		caller: by, connection: c, place: place, address: address,
		waiting: make(chan func(), mostWaiting), ended: make(chan struct{}),
	}
}

// serve answers until the connection is lost or the context ends.
func (c *control) serve(until context.Context) error {
	defer c.connection.Close()
	defer close(c.waiting)
	defer close(c.ended)
	go c.leaveWith(until)
	go c.workOff()
	hello := c.Hello()
	if err := c.send(map[string]interface{}{"role": "control", "hello": hello}); err != nil {
		return err
	}
	if hello.Fenced {
		go c.dialOnceOpen()
	}
	return c.listen()
}

// dialOnceOpen ends the connection of a fenced machine once it works: the next one says so. What is being answered is
// answered before: it may be what opened the fence.
func (c *control) dialOnceOpen() {
	for c.Hello().Fenced {
		select {
		case <-c.ended:
			return
		case <-time.After(fenceLook):
		}
	}
	c.asking.Lock()
	defer c.asking.Unlock()
	c.connection.Close()
}

// leaveWith says goodbye: whoever comes next with this certificate is then no double.
func (c *control) leaveWith(until context.Context) {
	select {
	case <-until.Done():
		c.send(answer{0, serving.Answer{Code: "goodbye"}})
		c.connection.Close()
	case <-c.ended:
	}
}

// workOff answers one question after the other; once nobody listens, none is begun.
func (c *control) workOff() {
	for work := range c.waiting {
		c.asking.Lock()
		select {
		case <-c.ended:
		default:
			work()
		}
		c.asking.Unlock()
	}
}

func (c *control) listen() error {
	lines := bufio.NewScanner(c.connection)
	lines.Buffer(make([]byte, 4096), mostLine)
	for {
		c.connection.SetReadDeadline(time.Now().Add(silence))
		if !lines.Scan() {
			if lines.Err() != nil {
				return lines.Err()
			}
			return errors.New("the appliance ended the connection")
		}
		line := append([]byte(nil), lines.Bytes()...)
		var asked question
		if json.Unmarshal(line, &asked) != nil {
			return errors.New("the appliance says what is no question")
		}
		if err := c.take(asked, line); err != nil {
			return err
		}
	}
}

// take answers at once what takes no time, and has the rest wait for its turn.
func (c *control) take(asked question, line []byte) error {
	switch {
	case asked.OK != nil:
		return c.welcomed(asked)
	case asked.Do == "ping":
		return c.send(answer{asked.Number, serving.Answer{OK: true}})
	case asked.Do == "dial":
		return c.send(answer{asked.Number, answered(c.dial(asked.Token))})
	}
	select {
	case c.waiting <- func() { c.work(asked, line) }:
		return nil
	default:
		return c.send(answer{asked.Number, serving.Answer{Error: "Too much is asked at once.", Code: "busy"}})
	}
}

func (c *control) welcomed(said question) error {
	if !*said.OK {
		return &said.Refusal
	}
	c.isWelcome = true
	if c.isHome && c.Upgrade != nil {
		c.Upgrade.Confirm()
	}
	c.connected(c.address)
	c.keepReached()
	if off := enrolling.ClockOff(said.Told.Clock); off != "" {
		fmt.Fprintln(os.Stderr, off)
	}
	return nil
}

// keepReached writes down where a name led; not while file systems stand still.
func (c *control) keepReached() {
	if c.isHome && (c.IsStill == nil || !c.IsStill()) {
		c.State.KeepReached(c.address, c.connection.RemoteAddr().String()) // it only serves a boot without names
	}
}

func (c *control) work(asked question, line []byte) {
	if verb := kept[asked.Do]; verb != nil {
		done := c.keep(verb, asked)
		c.send(answer{asked.Number, done})
		if asked.Do == "keep" && done.OK {
			c.connection.Close() // and dial again with the new certificate
		}
		if c.isReplaced {
			c.Restart()
		}
		return
	}
	c.send(answer{asked.Number, c.Answer(line)})
}

func (c *control) send(what interface{}) error {
	line, err := json.Marshal(what)
	if err != nil {
		return err
	}
	c.sending.Lock()
	defer c.sending.Unlock()
	c.connection.SetWriteDeadline(time.Now().Add(silence))
	_, err = c.connection.Write(append(line, '\n'))
	if err != nil {
		c.connection.Close()
	}
	return err
}

func answered(err error) serving.Answer { return told(nil, err) }

func told(what interface{}, err error) serving.Answer {
	if err != nil {
		return serving.Answer{Error: err.Error(), Code: "failed"}
	}
	return serving.Answer{OK: true, Told: what}
}
