package dialling

import (
	"bufio"
	"encoding/json"
	"errors"
	"time"

	"secondsite/agent/enrolling"
)

const (
	againAfter    = 2 * time.Second
	fencePatience = 15 * time.Second
)

// Verdict is whether this machine was failed over, so that it must not work here.
type Verdict struct {
	Fenced bool   `json:"fenced"`
	Why    string `json:"why"`
}

// AskFence asks the appliance, again and again until then; it says why there was no answer.
func AskFence(state enrolling.State, hello func() Hello, until time.Time) (verdict Verdict, err error) {
	place, err := state.Home()
	if err != nil {
		return verdict, err
	}
	for {
		if verdict, err = askAll(state, place, hello(), until); err == nil {
			return verdict, nil
		}
		if time.Now().Add(againAfter).After(until) {
			return verdict, err
		}
		time.Sleep(againAfter)
	}
}

// askAll asks at all addresses at once: one that is silent takes none of the others' time.
func askAll(state enrolling.State, place enrolling.Place, hello Hello, until time.Time) (Verdict, error) {
	type said struct {
		Verdict
		err error
	}
	answers, late := make(chan said, len(place.Addresses)), time.After(time.Until(until))
	for _, address := range place.Addresses {
		go func(address string) {
			verdict, err := askFenceAt(state, place, address, hello)
			answers <- said{verdict, err}
		}(address)
	}
	trouble := errors.New("no address gave an answer")
	for range place.Addresses {
		select {
		case answer := <-answers:
			if answer.err == nil {
				return answer.Verdict, nil
			}
			trouble = answer.err
		case <-late:
			return Verdict{}, trouble
		}
	}
	return Verdict{}, trouble
}

func askFenceAt(state enrolling.State, place enrolling.Place, address string, hello Hello) (Verdict, error) {
	connection, err := state.Dial(place, address)
	if err != nil {
		return Verdict{}, enrolling.Explain(address, err)
	}
	defer connection.Close()
	connection.SetDeadline(time.Now().Add(fencePatience))
	asked := map[string]interface{}{"role": "fence", "hello": hello}
	if err := json.NewEncoder(connection).Encode(asked); err != nil {
		return Verdict{}, err
	}
	lines := bufio.NewScanner(connection)
	lines.Buffer(make([]byte, 4096), mostLine)
	if !lines.Scan() {
		return Verdict{}, errors.New("the appliance left without an answer")
	}
	var answer struct {
		OK   bool    `json:"ok"`
		Told Verdict `json:"told"`
		enrolling.Refusal
	}
	if err := json.Unmarshal(lines.Bytes(), &answer); err != nil {
		return Verdict{}, errors.New("the appliance says what is no answer")
	}
	if !answer.OK {
		return Verdict{}, &answer.Refusal
	}
	return answer.Told, nil
}
