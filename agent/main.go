// The agent of secondsite in a machine: it follows what is written to the disks, and gives them to read.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"secondsite/agent/disks"
	"secondsite/agent/freezing"
	"secondsite/agent/restraint"
	"secondsite/agent/serving"
	"secondsite/agent/views"
)

const usage = "usage: secondsite-agent disks | serve [OPTIONS]"

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "error: "+err.Error())
		os.Exit(1)
	}
}

func run(words []string) error {
	if len(words) == 0 {
		return fmt.Errorf("%s", usage)
	}
	switch verb, rest := words[0], words[1:]; {
	case verb == "serve":
		return serve(rest)
	case verb == "disks":
		return show(rest)
	case verb == freezing.WatchdogVerb && len(rest) > 0:
		milliseconds, err := strconv.Atoi(rest[0])
		if err != nil {
			return err
		}
		return freezing.Watch(time.Duration(milliseconds)*time.Millisecond, rest[1:])
	}
	return fmt.Errorf("%s", usage)
}

// loops takes the names of loop devices that count as disks, which they do only in trials.
func loops(flags *flag.FlagSet) *string {
	return flags.String("loops", "", "loop devices that count as disks, as in loop0,loop1: for trials")
}

func names(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return r == ',' })
}

func show(words []string) error {
	flags := flag.NewFlagSet("disks", flag.ContinueOnError)
	named := loops(flags)
	if err := flags.Parse(words); err != nil {
		return err
	}
	out := json.NewEncoder(os.Stdout)
	out.SetIndent("", "  ")
	return out.Encode(disks.Find("/", names(*named)))
}

func serve(words []string) error {
	flags := flag.NewFlagSet("serve", flag.ContinueOnError)
	named := loops(flags)
	only := flags.Bool("only-loops", false, "follow nothing but these: for trials")
	control := flags.String("control", "/run/secondsite-agent/control", "socket of the conversation")
	readers := flags.String("nbd", "/run/secondsite-agent/nbd", "socket of the readers")
	deadline := flags.Duration("thaw-after", 5*time.Second, "how long file systems may stand still")
	held := flags.Int64("held-mib", 24, "how much is read while they stand still, in MiB")
	scan := flags.Int64("scan-mib", 100, "how much a scan reads in a second, in MiB; 0 is without bound")
	seams := flags.String("seams", "", "folder of seams: for trials")
	if err := flags.Parse(words); err != nil {
		return err
	}
	restraint.Modest()
	found := disks.Find("/", names(*named))
	if *only {
		found = loopsOf(found)
	}
	machine, err := views.Open(found, views.Options{
		Sys: "/", Deadline: *deadline, HeldBytes: *held << 20, ScanBytes: *scan << 20, Seams: views.Seams(*seams),
	})
	if err != nil {
		return err
	}
	defer machine.Close()
	return untilTold(func() error { return serving.Listen(machine, *control, *readers) })
}

func loopsOf(found []*disks.Disk) (loops []*disks.Disk) {
	for _, disk := range found {
		if strings.HasPrefix(disk.Name, "loop") {
			loops = append(loops, disk)
		}
	}
	return loops
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
