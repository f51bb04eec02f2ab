package rescue

import (
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"secondsite/agent/serving"
)

// Ending is what ends when the disks are whole.
type Ending string

const (
	// Nothing: other things run here as well.
	Nothing Ending = ""
	// Program: in a trial this program, in place of the machine.
	Program Ending = "program"
	// WholeMachine: it runs for its rescue alone.
	WholeMachine Ending = "machine"
)

// The answer travels first.
const answerTravels = 2 * time.Second

func (e Ending) restart() error { return e.reboot(unix.LINUX_REBOOT_CMD_RESTART) }

func (e Ending) powerOff() error { return e.reboot(unix.LINUX_REBOOT_CMD_POWER_OFF) }

func (e Ending) reboot(command int) error {
	if e == Nothing {
		return fmt.Errorf("this machine was not started for its rescue alone, so it is neither restarted nor powered off")
	}
	go func() {
		time.Sleep(answerTravels)
		if e == Program {
			os.Exit(0)
		}
		if err := unix.Reboot(command); err != nil {
			fmt.Fprintln(os.Stderr, "error: the kernel does not end: "+err.Error())
		}
	}()
	return nil
}

// end flushes the disks and ends the machine, unless somebody writes. Asked again it does it again.
func (m *Machine) end(how func() error) serving.Answer {
	if writers := m.stopWriters(); writers > 0 {
		return serving.Answer{
			Error: fmt.Sprintf("Somebody still writes to disks of this machine (%d connections): end that first.", writers),
			Code:  "busy",
		}
	}
	for _, disk := range m.Disks {
		if disk.Refused != "" {
			continue
		}
		if err := disk.Flush(); err != nil {
			return m.goOn(err)
		}
	}
	if err := how(); err != nil {
		return m.goOn(err)
	}
	return serving.Answer{OK: true}
}

// stopWriters lets nobody begin to write any more, unless there are writers: it returns how many.
func (m *Machine) stopWriters() int {
	m.lock.Lock()
	defer m.lock.Unlock()
	m.ended = m.writers == 0
	return m.writers
}

func (m *Machine) goOn(why error) serving.Answer {
	m.lock.Lock()
	defer m.lock.Unlock()
	m.ended = false
	return serving.Answer{Error: why.Error(), Code: "failed"}
}
