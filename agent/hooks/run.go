package hooks

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"secondsite/agent/restraint"
)

const (
	mostWords = 4096
	shown     = 200
	// What a hook leaves running keeps its outputs open; they are not waited for.
	lingers = time.Second
)

// words keeps the end of what a hook says.
type words struct{ text []byte }

func (w *words) Write(said []byte) (int, error) {
	w.text = append(w.text, said...)
	if len(w.text) > mostWords {
		w.text = append([]byte(nil), w.text[len(w.text)-mostWords:]...)
	}
	return len(said), nil
}

func (w *words) last() string {
	text := strings.Join(strings.Fields(string(w.text)), " ")
	if len(text) > shown {
		text = text[len(text)-shown:]
	}
	return text
}

// run gives one hook its word. After the deadline it is killed with all that it started in its group. Without a `score` it
// inherits that of this process.
func run(path, word string, deadline time.Duration, score restraint.Score) error {
	said := &words{}
	read, write, err := os.Pipe()
	if err != nil {
		return err
	}
	defer read.Close()
	command := exec.Command(path, word)
	command.Dir, command.Stdout, command.Stderr = "/", write, write
	command.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8"}
	command.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if word == "freeze" { // or it would take effect after the thaw
		command.SysProcAttr.Pdeathsig = syscall.SIGKILL
	}
	err = command.Start()
	write.Close()
	if err != nil {
		return fmt.Errorf("The hook %s does not start: %v.", filepath.Base(path), err)
	}
	if score != nil {
		score.Give(command.Process.Pid)
	}
	timer := time.AfterFunc(deadline, func() { syscall.Kill(-command.Process.Pid, syscall.SIGKILL) })
	heard := make(chan struct{})
	go func() {
		defer close(heard)
		copyAll(said, read)
	}()
	err = command.Wait()
	late := !timer.Stop()
	read.SetReadDeadline(time.Now().Add(lingers))
	<-heard
	return judged(filepath.Base(path), word, late, deadline, err, said.last())
}

func copyAll(into *words, from *os.File) {
	buffer := make([]byte, 1024)
	for {
		n, err := from.Read(buffer)
		into.Write(buffer[:n])
		if err != nil {
			return
		}
	}
}

func judged(name, word string, late bool, deadline time.Duration, err error, said string) error {
	switch {
	case late:
		return fmt.Errorf("The hook %s did not end within %s of %s, and was killed.", name, deadline, word)
	case err != nil:
		return fmt.Errorf("The hook %s failed at %s (%v): %s.", name, word, err, said)
	}
	return nil
}
