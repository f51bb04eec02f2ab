package fencing

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

const (
	patience = time.Minute
	// A busy machine takes minutes for its generators.
	openPatience = 10 * time.Minute
	lookPatience = 10 * time.Second
)

func (f Fence) systemctl(words ...string) error { return f.run("systemctl", words...) }

func (f Fence) run(program string, words ...string) error {
	return f.runWithin(patience, program, words...)
}

func (f Fence) runWithin(patience time.Duration, program string, words ...string) error {
	if f != Here {
		return nil
	}
	limited, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	command := exec.CommandContext(limited, program, words...)
	command.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // a terminal that hangs up ends nothing half-way
	said, err := command.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s %s: %w: %s", program, strings.Join(words, " "), err, strings.TrimSpace(string(said)))
	}
	return nil
}

// isActive of basic.target tells that services may have been started: it is below all of them, and not below a fence.
func (f Fence) isActive(unit string) bool {
	is, _ := f.isActiveWithin(lookPatience, unit)
	return is
}

// isActiveWithin also tells when systemd did not answer, as while it reads its units anew.
func (f Fence) isActiveWithin(patience time.Duration, unit string) (bool, error) {
	if f != Here {
		return false, nil
	}
	limited, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	err := exec.CommandContext(limited, "systemctl", "is-active", "--quiet", unit).Run()
	if limited.Err() != nil {
		return false, fmt.Errorf("systemd did not answer within %s whether this machine works: try again", patience)
	}
	return err == nil, nil
}

// endTunnels ends what must be up to ask an appliance behind it, and has the same key as the machine's copy: whoever was
// heard last gets what is sent to both.
func (f Fence) endTunnels() { f.systemctl("--no-block", "stop", "wg-quick@*.service") }

// endSkipped has logind start the services of those users that it could not start before.
func (f Fence) endSkipped() error {
	if found, err := os.ReadDir(f.path("var/lib/systemd/linger")); err != nil || len(found) == 0 {
		return nil
	}
	return f.systemctl("--no-block", "try-restart", "systemd-logind.service")
}
