package main

import (
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"secondsite/agent/dialling"
	"secondsite/agent/disks"
	"secondsite/agent/enrolling"
	"secondsite/agent/fencing"
	"secondsite/agent/installing"
)

// forEver is longer than anybody waits.
const forEver = 100 * 365 * 24 * time.Hour

// fence is what a fenced machine does at its boot, before its services: it asks whether it was failed over.
func fence(words []string) error {
	flags := flag.NewFlagSet("fence", flag.ContinueOnError)
	state := flags.String("state", stateFolder, "folder that the enrollment made")
	unanswered := flags.String("unanswered", "start", "what to do if the appliance does not answer: `start`, or stay")
	patience := flags.Duration("patience", 30*time.Second, "how long it is asked")
	if err := parse(flags, words); err != nil {
		return err
	}
	if fencing.Here.IsOpen() { // whoever opened it was ended before all was started
		return fencing.Here.Open()
	}
	told := fencing.Here.Told()
	verdict, err := asked(*state, *patience)
	if err == nil {
		return obey(verdict)
	}
	if *unanswered != "stay" && told == "" {
		fmt.Printf("*** secondsite: nobody said within %s whether this machine runs elsewhere, so it starts: %v\n", *patience, err)
		return fencing.Here.Open()
	}
	why := fmt.Sprintf("%s within %s whether it runs elsewhere (%v). It is asked on.", fencing.NobodySaid, *patience, err)
	if told != "" {
		why = told
	}
	if fencing.Here.IsOpen() {
		return nil
	}
	if err := fencing.Here.Close(why); err != nil {
		return err
	}
	if verdict, err = asked(*state, forEver); err != nil {
		return err
	}
	return obey(verdict)
}

func asked(state string, patience time.Duration) (dialling.Verdict, error) {
	hello := func() dialling.Hello { return dialling.Greeting("/", []*disks.Disk{}, "") }
	return dialling.AskFence(enrolling.State(state), hello, time.Now().Add(patience))
}

// obey does not return if a machine that was failed over cannot be closed in order: whoever looks at this program's end
// opens nothing then.
func obey(verdict dialling.Verdict) error {
	if !verdict.Fenced {
		return fencing.Here.Open()
	}
	if fencing.Here.IsOpen() { // a person has opened it meanwhile
		return nil
	}
	if err := fencing.Here.CloseAsTold(verdict.Why); err != nil {
		fmt.Fprintln(os.Stderr, "error: this machine stays without its services all the same: "+err.Error())
		os.Exit(fencing.Knows)
	}
	return nil
}

// unfence is what a person types on a fenced machine.
func unfence(words []string) error {
	if err := flag.NewFlagSet("unfence", flag.ContinueOnError).Parse(words); err != nil {
		return err
	}
	signal.Ignore(syscall.SIGHUP) // a terminal that is lost meanwhile leaves no boot half open
	if err := fencing.Here.Open(); err != nil {
		return err
	}
	again := "this machine works until its next boot, which asks again; switch its copy at the other site off"
	if !installing.Host("/").HasFence() {
		again = "this machine works, and has no fence that asks at its next boot"
	}
	fmt.Println(again)
	return nil
}

// choice is an option that may stand without a value.
type choice string

func (c *choice) String() string { return string(*c) }

func (c *choice) IsBoolFlag() bool { return true }

func (c *choice) Set(text string) error {
	switch text {
	case "true":
		*c = "start"
	case "start", "stay", "no":
		*c = choice(text)
	case "false":
		*c = "no"
	default:
		return fmt.Errorf("give start, stay or no")
	}
	return nil
}
