package services

import (
	"errors"
	"time"

	"golang.org/x/sys/unix"
)

// Here is this machine's services and its power; a trial has neither.
type Here struct{ trial bool }

// Farewell is of this machine; in a trial nothing is stopped, and nothing switched off.
func Farewell(trial bool) Here { return Here{trial} }

// Stop stops what may be, within the grace.
func (h Here) Stop(grace time.Duration) Stopped {
	if h.trial {
		return Stopped{Problem: "This is a trial, in which no service is stopped."}
	}
	return Stop(grace)
}

// Start starts it again.
func (h Here) Start() error {
	if h.trial {
		return nil
	}
	return Start()
}

// AreStopped tells whether there is something to start.
func (h Here) AreStopped() bool { return !h.trial && AreStopped() }

// MaySwitchOff is false in a trial, whose machine is somebody else's.
func (h Here) MaySwitchOff() bool { return !h.trial }

// ShutDown asks systemd.
func (h Here) ShutDown() error {
	if h.trial {
		return errors.New("this is a trial, in which nothing is switched off")
	}
	_, err := systemctl(askPatience, "poweroff")
	return err
}

// PowerOff asks the kernel, which writes nothing: no process is told, and no file system is asked.
func (h Here) PowerOff() error {
	if h.trial {
		return errors.New("this is a trial, in which nothing is switched off")
	}
	return unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF)
}
