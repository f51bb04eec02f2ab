package machine

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os/exec"
	"time"
)

const (
	unpackSeconds = 3 * time.Minute
	askSeconds    = 10 * time.Second
	mostAnswer    = 2 << 20
)

// Runner gives what a program of this machine makes of its input; the function ends it.
type Runner func(in io.Reader, words ...string) (io.Reader, func(), error)

// Programs lie here, whatever the environment of a service says.
var folders = []string{"/usr/sbin/", "/usr/bin/", "/sbin/", "/bin/", "/usr/local/bin/"}

func program(name string) (string, error) {
	for _, folder := range folders {
		if path, err := exec.LookPath(folder + name); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("the program %s is not here", name)
}

func runHere(in io.Reader, words ...string) (io.Reader, func(), error) {
	path, err := program(words[0])
	if err != nil {
		return nil, nil, err
	}
	within, end := context.WithTimeout(context.Background(), unpackSeconds)
	command := exec.CommandContext(within, path, words[1:]...)
	command.Stdin = in
	out, err := command.StdoutPipe()
	if err == nil {
		err = command.Start()
	}
	if err != nil {
		end()
		return nil, nil, err
	}
	return out, func() {
		end()
		out.Close()
		command.Wait()
	}, nil
}

// ask is what a program prints; nothing if it fails.
func ask(words ...string) []byte {
	path, err := program(words[0])
	if err != nil {
		return nil
	}
	within, end := context.WithTimeout(context.Background(), askSeconds)
	defer end()
	var out bytes.Buffer
	command := exec.CommandContext(within, path, words[1:]...)
	command.Env = []string{"LC_ALL=C"}
	command.Stdout = &bounded{out: &out, room: mostAnswer}
	if command.Run() != nil {
		return nil
	}
	return out.Bytes()
}

type bounded struct {
	out  io.Writer
	room int
}

func (b *bounded) Write(data []byte) (int, error) {
	if len(data) > b.room {
		return 0, io.ErrShortWrite
	}
	b.room -= len(data)
	return b.out.Write(data)
}
