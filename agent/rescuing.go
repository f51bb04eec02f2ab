package main

import (
	"flag"
	"fmt"
	"net"

	"secondsite/agent/dialling"
	"secondsite/agent/enrolling"
	"secondsite/agent/nbd"
	"secondsite/agent/rescue"
	"secondsite/agent/restraint"
	"secondsite/agent/serving"
)

// offer gives the disks of this machine to be written, until it is told to end; nothing is followed.
func offer(words []string) error {
	flags := flag.NewFlagSet("rescue", flag.ContinueOnError)
	named := loops(flags)
	only := flags.Bool("only-loops", false, "offer nothing but these: for trials")
	state := flags.String("state", stateFolder, "folder that the enrollment made")
	control := flags.String("control", "", "socket of the conversation, instead of an appliance: for trials")
	writers := flags.String("nbd", "", "socket of the writers: for trials")
	own := flags.Bool("own-machine", false, "this machine runs for this alone: it may be restarted and powered off")
	ends := flags.Bool("program-ends", false, "in its place the program ends: for trials")
	hardware := flags.String("hardware", "", "what counts as this machine's product UUID: for trials")
	if err := parse(flags, words); err != nil {
		return err
	}
	restraint.Modest()
	found := finderOf(names(*named), *only).Find()
	machine := rescue.Open("/", found, endingOf(*own, *ends))
	defer machine.Close()
	for _, line := range machine.Lines() {
		fmt.Println(line)
	}
	if *control != "" {
		return untilTold(func() error { return serving.Listen(machine, *control, *writers) })
	}
	dialler := &dialling.Dialler{
		State: enrolling.State(*state),
		Hello: func() dialling.Hello {
			hello := dialling.Greeting("/", machine.Found(), "")
			hello.Rescue = true
			return hello
		},
		Answer: func(line []byte) serving.Answer { return serving.AnswerTo(machine, line) },
		Read:   func(c net.Conn) { nbd.Serve(machine, c) },
	}
	if *hardware != "" {
		onHardware(dialler, *hardware)
	}
	return inOrder(dialler)
}

func endingOf(machine, program bool) rescue.Ending {
	switch {
	case machine:
		return rescue.WholeMachine
	case program:
		return rescue.Program
	}
	return rescue.Nothing
}
