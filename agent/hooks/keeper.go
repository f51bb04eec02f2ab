package hooks

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strconv"
	"syscall"
	"time"

	"secondsite/agent/restraint"
)

// KeeperVerb is the word with which the program becomes the process that asks the hooks.
const KeeperVerb = "keep-resting"

const (
	goOn           = 'T'
	answerPatience = 5 * time.Second
	mostAnswer     = 64 << 10
)

// longestRest is how long applications rest if nobody lets them go on: file systems stand still for a tenth of that.
var longestRest = time.Minute

// keeper is the agent's hold on that process.
type keeper struct {
	process    *exec.Cmd
	tell, from *os.File
	lines      *bufio.Reader
}

func startKeeper(h Hooks) (*keeper, error) {
	childIn, tell, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	hear, childOut, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	words := []string{KeeperVerb, h.Folder, strconv.FormatInt(h.Deadline.Milliseconds(), 10), h.Noted}
	k := &keeper{exec.Command("/proc/self/exe", words...), tell, hear, bufio.NewReaderSize(hear, mostAnswer)}
	k.process.Stdin, k.process.Stdout, k.process.Stderr = childIn, childOut, os.Stderr
	k.process.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	err = k.process.Start()
	childIn.Close()
	childOut.Close()
	if err != nil {
		return nil, fmt.Errorf("the process that runs them does not start: %w", err)
	}
	return k, nil
}

func (k *keeper) hear(within time.Duration) (problems []string, err error) {
	k.from.SetReadDeadline(time.Now().Add(within))
	line, err := k.lines.ReadSlice('\n')
	if err != nil {
		return nil, err
	}
	return problems, json.Unmarshal(line, &problems)
}

// stop has it end: it lets go on what has not yet.
func (k *keeper) stop() {
	k.tell.Close()
	late := time.AfterFunc(answerPatience+Deadline, func() { k.process.Process.Kill() })
	k.process.Wait()
	late.Stop()
	k.from.Close()
}

// Keep is what that process does: it asks the hooks, says what came of it, and lets them go on once it is told to, once
// its standard input closes, as by the agent's death, or after the longest rest. Left to the agent, an application
// stood still until another one was asked to rest, or for ever.
func Keep(words []string) error {
	if len(words) != 3 {
		return errors.New("give a folder, milliseconds and a note")
	}
	milliseconds, err := strconv.Atoi(words[1])
	if err != nil {
		return err
	}
	survive()
	h := Hooks{Folder: words[0], Deadline: time.Duration(milliseconds) * time.Millisecond, Noted: words[2]}
	h.score = restraint.NotKilled()
	asked, problems := h.begin()
	defer asked.close()
	told := listen()
	if len(problems) == 0 {
		problems = h.freeze(asked, told)
	}
	if err := say(problems); err != nil {
		fmt.Fprintln(os.Stderr, "error: the agent ended while applications were brought to rest: they go on")
	}
	if why := awaited(told); why != "" {
		return say(append(h.letGo(asked), why))
	}
	return say(h.thaw(asked))
}

// survive keeps this process from what ends the agent: a line that nobody reads, and a signal to all of its unit. A hook
// that is asked to rest ends with this thread.
func survive() {
	runtime.LockOSThread()
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
}

func (h Hooks) begin() (*note, []string) {
	asked, err := openNote(h.Noted, h.Deadline)
	if err != nil {
		return &note{began: time.Now()}, []string{"No hook was run: " + err.Error() + "."}
	}
	return asked, h.letGo(asked) // what a process that was killed left
}

func say(problems []string) error { return json.NewEncoder(os.Stdout).Encode(problems) }

// listen gives true once it is told to go on; it is closed when nobody can tell any more.
func listen() <-chan bool {
	told := make(chan bool, 1)
	go func() {
		word := make([]byte, 1)
		if n, _ := os.Stdin.Read(word); n == 1 {
			told <- true
		}
		close(told)
	}()
	return told
}

// awaited is why nobody said that they may go on, a sentence; empty if somebody did.
func awaited(told <-chan bool) string {
	select {
	case byAgent := <-told:
		if byAgent {
			return ""
		}
		return "The agent ended while applications rested."
	case <-time.After(longestRest):
		return fmt.Sprintf("Applications went on by themselves after %s.", longestRest)
	}
}

// freeze asks them in order; what it says is why applications do not rest.
func (h Hooks) freeze(asked *note, told <-chan bool) []string {
	paths, err := h.paths()
	if err != nil {
		return []string{err.Error()}
	}
	for _, path := range paths {
		select {
		case <-told:
			return []string{"Nobody waits for the applications to rest."}
		default:
		}
		if time.Since(asked.began) > together*h.Deadline {
			return []string{fmt.Sprintf("The hooks take more than %s together.", together*h.Deadline)}
		}
		if err := asked.push(path); err != nil {
			return []string{"It could not be noted that a hook is asked: " + err.Error() + "."}
		}
		if err := run(path, "freeze", h.Deadline, h.score); err != nil {
			return []string{err.Error()}
		}
	}
	return []string{}
}

// thaw lets all go on that were asked, the last first.
func (h Hooks) thaw(asked *note) []string {
	problems := []string{}
	for path := asked.last(); path != ""; path = asked.last() {
		if err := isRoots(path); err != nil {
			problems = append(problems, err.Error())
		} else if err := run(path, "thaw", h.Deadline, h.score); err != nil {
			problems = append(problems, err.Error())
		}
		asked.pop()
	}
	return problems
}
