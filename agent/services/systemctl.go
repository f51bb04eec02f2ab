package services

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
	"time"
)

const (
	askPatience = 20 * time.Second
	mostUnits   = 2000
)

// systemctl asks systemd; the answer may be long, but not endless: it is systemd's own list.
func systemctl(patience time.Duration, words ...string) (string, error) {
	return ask(patience, "systemctl", words...)
}

// logInMemory lets the journal go on in /run while the file system that it lies on stands still: whoever logs would wait
// for it, and systemd ends a journal that hangs. Where that is unknown the journal waits.
func logInMemory() { ask(askPatience, "journalctl", "--relinquish-var") }

func logToDisk() { ask(askPatience, "journalctl", "--flush") }

func ask(patience time.Duration, program string, words ...string) (string, error) {
	limited, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	said, err := exec.CommandContext(limited, program, words...).CombinedOutput()
	if limited.Err() != nil {
		return "", fmt.Errorf("%s %s did not end within %s", program, words[0], patience)
	}
	if err != nil {
		return "", fmt.Errorf("%s %s: %w: %s", program, words[0], err, strings.Join(strings.Fields(string(said)), " "))
	}
	return string(said), nil
}

// working lists the units that run, or wait to start others.
func working() ([]string, error) {
	text, err := systemctl(askPatience, "list-units", "--type=service,socket,timer,path",
		"--state=running,listening,waiting,activating", "--plain", "--no-legend", "--no-pager", "--full")
	if err != nil {
		return nil, err
	}
	var units []string
	for _, line := range strings.Split(text, "\n") {
		if words := strings.Fields(line); len(words) > 0 && mayStop(words[0]) && len(units) < mostUnits {
			units = append(units, words[0])
		}
	}
	return units, nil
}
