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
)

// Request is one line that asks.
type Request struct {
	Do   string `json:"do"`
	Base string `json:"base"`
	Name string `json:"name"`
	// View is `live` or `frozen`.
	View string `json:"view"`
	// Flushed asks a live view to write out first what is dirty in memory.
	Flushed bool `json:"flushed"`
	// Disk, First and Digests are of a comparison: sixteen bytes for each block from the first on.
	Disk    string `json:"disk"`
	First   int    `json:"first"`
	Digests []byte `json:"digests"`
}

// Answer is the line that answers.
type Answer struct {
	OK    bool   `json:"ok"`
	Error string `json:"error,omitempty"`
	// Code is what a program decides by: scan-due, too-much, no-instant, or failed.
	Code string      `json:"code,omitempty"`
	Told interface{} `json:"told,omitempty"`
}

// Converse answers line after line until the other side leaves, or says what is no request.
func Converse(machine *views.Machine, connection net.Conn) {
	defer connection.Close()
	lines := bufio.NewScanner(connection)
	lines.Buffer(make([]byte, 4096), mostLine)
	for {
		connection.SetReadDeadline(time.Now().Add(askPatience))
		if !lines.Scan() {
			return
		}
		var request Request
		answer := Answer{Error: "That line is no request.", Code: "failed"}
		err := json.Unmarshal(lines.Bytes(), &request)
		if err == nil {
			answer = answered(machine, request)
		}
		connection.SetWriteDeadline(time.Now().Add(answerPatience))
		if json.NewEncoder(connection).Encode(answer) != nil || err != nil {
			return
		}
	}
}

func answered(machine *views.Machine, request Request) Answer {
	verb, known := verbs[request.Do]
	if !known {
		return Answer{Error: "This agent knows no " + request.Do + ".", Code: "unknown"}
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
	switch {
	case errors.As(err, &due):
		return "scan-due"
	case errors.As(err, &much):
		return "too-much"
	case errors.Is(err, errNoInstant):
		return "no-instant"
	}
	return "failed"
}
