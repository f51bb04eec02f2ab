package fencing

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"
)

const wallPatience = 10 * time.Second

const goOn = `It stays without its services; ssh and secondsite's agent run.
To let it work all the same, as root: secondsite-agent unfence`

// Issue and Motd are what a person sees before and after a login; of this boot alone.
const (
	Issue = "/run/issue.d/50-secondsite.issue"
	Motd  = "/run/motd.d/50-secondsite"
)

func (f Fence) tell(why string) {
	text := fmt.Sprintf("\n*** This machine is fenced: %s\n%s\n", why, goOn)
	f.write(text, Issue)
	f.write(text, Motd)
	if f.IsOpen() { // somebody opened it meanwhile
		f.untell()
		return
	}
	fmt.Println(text)
	if f != Here {
		return
	}
	limited, cancel := context.WithTimeout(context.Background(), wallPatience)
	defer cancel()
	wall := exec.CommandContext(limited, "wall")
	wall.Stdin = strings.NewReader(text)
	wall.Run() // perhaps nobody is there, or there is no such program
}

func (f Fence) untell() {
	os.Remove(f.path(Issue))
	os.Remove(f.path(Motd))
}
