package fencing

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
	"time"
)

const patience = time.Minute

func (f Fence) systemctl(words ...string) error {
	if f != Here {
		return nil
	}
	limited, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	said, err := exec.CommandContext(limited, "systemctl", words...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("systemctl %s: %w: %s", strings.Join(words, " "), err, strings.TrimSpace(string(said)))
	}
	return nil
}

// RestartAgent has it tell anew how the machine is, after an answer has travelled.
func (f Fence) RestartAgent(after time.Duration) {
	time.AfterFunc(after, func() { f.systemctl("--no-block", "restart", "secondsite-agent.service") })
}
