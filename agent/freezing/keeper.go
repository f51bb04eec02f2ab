package freezing

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"time"
)

const answerSeconds = 5

// Keeper is the agent's hold on its watchdog.
type Keeper struct {
	process    *exec.Cmd
	tell, hear *os.File
	note       note
	mounts     []string
}

// StartWatchdog starts one that has these file systems open, and is not armed yet. `noted` is where it stands what is
// frozen (EndLeftOver), if not empty.
func StartWatchdog(deadline time.Duration, systems []FileSystem, noted string) (*Keeper, error) {
	words := []string{WatchdogVerb, strconv.FormatInt(deadline.Milliseconds(), 10)}
	for _, system := range systems {
		words = append(words, system.Mount)
	}
	childIn, tell, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	hear, childOut, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	k := &Keeper{exec.Command("/proc/self/exe", words...), tell, hear, note(noted), words[2:]}
	k.process.Stdin, k.process.Stdout, k.process.Stderr = childIn, childOut, os.Stderr
	k.process.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	err = k.process.Start()
	childIn.Close()
	childOut.Close()
	if err != nil {
		return nil, fmt.Errorf("the watchdog does not start: %w", err)
	}
	if _, err := k.answer(); err != nil {
		k.Stop()
		return nil, fmt.Errorf("the watchdog did not get ready: %w", err)
	}
	return k, nil
}

// Arm makes it thaw after its deadline.
func (k *Keeper) Arm() error {
	if err := k.note.write(standing, k.mounts); err != nil {
		return err
	}
	_, err := k.ask(arm)
	return err
}

// ErrFired says that the watchdog thawed: what was read is of no instant.
var ErrFired = errors.New("the file systems stood still for longer than allowed, and the watchdog thawed them")

// Prolong gives it its whole time anew; ErrFired if it thawed already.
func (k *Keeper) Prolong() error { return k.unfired(arm) }

// Leave makes it switch the machine off in place of a thaw, until it is disarmed.
func (k *Keeper) Leave() error {
	if err := k.unfired(leave); err != nil {
		return err
	}
	return k.note.write(leaving, k.mounts)
}

// Disarm ends that, after a thaw; ErrFired if it was quicker.
func (k *Keeper) Disarm() error {
	defer k.note.remove()
	return k.unfired(disarm)
}

func (k *Keeper) unfired(word byte) error {
	said, err := k.ask(word)
	if err == nil && said != silent {
		err = ErrFired
	}
	return err
}

func (k *Keeper) ask(word byte) (byte, error) {
	if _, err := k.tell.Write([]byte{word}); err != nil {
		return 0, fmt.Errorf("the watchdog is gone: %w", err)
	}
	return k.answer()
}

func (k *Keeper) answer() (byte, error) {
	said := make([]byte, 1)
	k.hear.SetReadDeadline(time.Now().Add(answerSeconds * time.Second))
	if _, err := k.hear.Read(said); err != nil {
		return 0, fmt.Errorf("the watchdog does not answer: %w", err)
	}
	return said[0], nil
}

// Stop lets it go: it thaws once more, and ends.
func (k *Keeper) Stop() {
	k.tell.Close()
	late := time.AfterFunc(answerSeconds*time.Second, func() { k.process.Process.Kill() })
	k.process.Wait()
	k.note.remove()
	late.Stop()
	k.hear.Close()
}
