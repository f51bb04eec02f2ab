// The agent of secondsite in a machine: it follows what is written to the disks, and gives them to read.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"secondsite/agent/dialling"
	"secondsite/agent/disks"
	"secondsite/agent/freezing"
	"secondsite/agent/hooks"
	"secondsite/agent/machine"
	"secondsite/agent/serving"
	"secondsite/agent/upgrading"
	"secondsite/agent/views"
)

const usage = `usage: secondsite-agent COMMAND
  install --appliance HOST:PORT KEY   enroll, and run as a service from now on; without both: an upgrade
  enroll --appliance HOST:PORT KEY    only make this machine known to its appliance
  run                                 stay connected to it
  call --appliance HOST:PORT SHA256   call this appliance as well: that of the site to which the machine was moved
  install --fence[=start|stay|no]     have each boot ask first whether it was failed over
  unfence                             let a fenced machine work until its next boot
  remove                              end the service, and remove all of it
  disks                               the disks, and why one is not followed
  rescue                              offer the disks of this machine to be overwritten
  machine                             what the appliance is told of this machine
  --version                           of this program
  serve                               serve at two sockets: for trials`

func main() {
	if err := run(os.Args[1:]); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "error: "+err.Error())
		os.Exit(1)
	}
}

func run(words []string) error {
	if len(words) == 0 {
		return fmt.Errorf("%s", usage)
	}
	verbs := map[string]func([]string) error{
		"enroll": enroll, "install": install, "remove": remove, "run": stayConnected, "call": callElsewhere, upgrading.WatchVerb: watchUpgrade, "serve": serve, "rescue": offer,
		"fence": fence, "unfence": unfence, hooks.KeeperVerb: hooks.Keep,
	}
	switch verb, rest := words[0], words[1:]; {
	case verbs[verb] != nil:
		return verbs[verb](rest)
	case verb == "--help", verb == "-h", verb == "help":
		fmt.Println(usage)
		return nil
	case verb == "--version":
		fmt.Println(dialling.Version)
		return nil
	case verb == "disks", verb == "machine":
		return show(verb, rest)
	case verb == freezing.WatchdogVerb && len(rest) > 0:
		milliseconds, err := strconv.Atoi(rest[0])
		if err != nil {
			return err
		}
		return freezing.Watch(time.Duration(milliseconds)*time.Millisecond, rest[1:])
	}
	return fmt.Errorf("there is no command %q\n%s", words[0], usage)
}

// parse takes options before and behind the words that they belong to.
func parse(flags *flag.FlagSet, words []string) error {
	plain := []string{"--"}
	for {
		if err := flags.Parse(words); err != nil {
			return err
		}
		if flags.NArg() == 0 {
			return flags.Parse(plain)
		}
		plain, words = append(plain, flags.Arg(0)), flags.Args()[1:]
	}
}

// loops takes the names of loop devices that count as disks, which they do only in trials.
func loops(flags *flag.FlagSet) *string {
	return flags.String("loops", "", "loop devices that count as disks, as in loop0,loop1: for trials")
}

func names(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return r == ',' })
}

func show(verb string, words []string) error {
	flags := flag.NewFlagSet(verb, flag.ContinueOnError)
	named := loops(flags)
	if err := parse(flags, words); err != nil {
		return err
	}
	out := json.NewEncoder(os.Stdout)
	out.SetIndent("", "  ")
	found := disks.Find("/", names(*named))
	if verb == "machine" {
		return out.Encode(machine.Here().Tell(found))
	}
	return out.Encode(found)
}

func serve(words []string) error {
	flags := flag.NewFlagSet("serve", flag.ContinueOnError)
	follows := followingOf(flags)
	control := flags.String("control", "/run/secondsite-agent/control", "socket of the conversation")
	readers := flags.String("nbd", "/run/secondsite-agent/nbd", "socket of the readers")
	if err := parse(flags, words); err != nil {
		return err
	}
	_, followed, err := follows.open()
	if err != nil {
		return err
	}
	defer followed.Close()
	return untilTold(func() error { return serving.Listen(serving.Followed(followed), *control, *readers) })
}

// finderOf finds all disks, or only those that are named.
func finderOf(named []string, only bool) views.Finder {
	find := func() (found []*disks.Disk) {
		for _, disk := range disks.Find("/", named) {
			if !only || isOf(named, disk.Name) {
				found = append(found, disk)
			}
		}
		return found
	}
	return views.Finder{Find: find, Signature: func() string { return disks.Signature("/", named) }}
}

func isOf(names []string, name string) bool {
	for _, each := range names {
		if each == name {
			return true
		}
	}
	return false
}

// untilTold ends in order when it is told to: no file system stays frozen, since a view in the making is awaited.
func untilTold(work func() error) error {
	told := make(chan os.Signal, 1)
	signal.Notify(told, syscall.SIGTERM, syscall.SIGINT)
	ended := make(chan error, 1)
	go func() { ended <- work() }()
	select {
	case err := <-ended:
		return err
	case <-told:
		return nil
	}
}
