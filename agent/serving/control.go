package serving

import (
	"bufio"
	"encoding/json"
	"errors"
	"net"
	"time"

	"secondsite/agent/views"
)

const (
	mostLine       = 1 << 20
	askPatience    = time.Hour
	answerPatience = time.Minute
	noRequest      = "no-request"
)

// Request is one line that asks.
type Request struct {
	Do   string `json:"do"`
	Base string `json:"base"`
	Name string `json:"name"`
	// Since is an instant after the base that the reader has read already.
	Since string `json:"since"`
	// View is `live` or `frozen`.
	View string `json:"view"`
	// Flushed asks a live view to write out first what is dirty in memory.
	Flushed bool `json:"flushed"`
	// App asks a frozen view, or a freeze, to bring applications to rest before.
	App bool `json:"app"`
	// Seconds is after what time a freeze, or a last instant, ends by itself, or a reading answers with what it has.
	Seconds float64 `json:"seconds"`
	// Last asks that a frozen view be the last before the machine is switched off; its services have Grace seconds.
	Last  bool    `json:"last"`
	Grace float64 `json:"grace"`
	// StartServices asks a thaw to start what was stopped for the last instant.
	StartServices bool `json:"start_services"`
	// Disk, First and Digests are of a comparison: sixteen bytes for each block from the first on. Count is how many
	// blocks' digests are asked for.
	Disk    string `json:"disk"`
	First   int    `json:"first"`
	Count   int    `json:"count"`
	Digests []byte `json:"digests"`
}

// Answer is the line that answers.
type Answer struct {
	OK    bool   `json:"ok"`
	Error string `json:"error,omitempty"`
	// Code is what a program decides by: scan-due, too-much, no-instant, untracked, or failed.
	Code string      `json:"code,omitempty"`
	Told interface{} `json:"told,omitempty"`
}

// Converse answers line after line until the other side leaves, or says what is no request.
func Converse(subject Subject, connection net.Conn) {
	defer connection.Close()
	lines := bufio.NewScanner(connection)
	lines.Buffer(make([]byte, 4096), mostLine)
	for {
		connection.SetReadDeadline(time.Now().Add(askPatience))
		if !lines.Scan() {
			return
		}
		answer := AnswerTo(subject, lines.Bytes())
		connection.SetWriteDeadline(time.Now().Add(answerPatience))
		if json.NewEncoder(connection).Encode(answer) != nil || answer.Code == noRequest {
			return
		}
	}
}

// AnswerTo answers one line.
func AnswerTo(subject Subject, line []byte) Answer {
	var request Request
	if json.Unmarshal(line, &request) != nil {
		return Answer{Error: "That line is no request.", Code: noRequest}
	}
	return subject.Answer(request)
}

func answered(machine *views.Machine, request Request) Answer {
	verb, known := verbs[request.Do]
	if !known {
		return Unknown(request)
	}
	told, err := verb(machine, request)
	if err != nil {
		return Answer{Error: err.Error(), Code: codeOf(err), Told: told}
	}
	return Answer{OK: true, Told: told}
}

func codeOf(err error) string {
	var due *views.ScanDue
	var much *views.TooMuch
	var blind *views.Untracked
	switch {
	case errors.As(err, &due):
		return "scan-due"
	case errors.As(err, &much):
		return "too-much"
	case errors.As(err, &blind):
		return "untracked"
	case errors.Is(err, errNoInstant):
		return "no-instant"
	}
	return "failed"
}
