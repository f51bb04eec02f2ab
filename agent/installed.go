package main

import (
	"flag"
	"fmt"

	"secondsite/agent/enrolling"
	"secondsite/agent/installing"
)

// install is one line for a person: enrolled, if a key is given, and started.
func install(words []string) error {
	flags := flag.NewFlagSet("install", flag.ContinueOnError)
	appliance := flags.String("appliance", "", "HOST:PORT of the appliance's port for agents; several with commas")
	anew := anewOf(flags)
	var fenced choice
	flags.Var(&fenced, "fence", "each boot asks first whether this machine was failed over, and then stays without its "+
		"services; if nobody answers: `start`, stay. no: it ends")
	hardware := flags.String("hardware", installing.Hardware, "file that tells this hardware from others: for trials")
	root := flags.String("root", "/", "where the machine's files lie; elsewhere nothing is started: for trials")
	if err := parse(flags, words); err != nil {
		return err
	}
	state := enrolling.State(*root + stateFolder)
	if *appliance != "" || flags.NArg() > 0 {
		if err := enrollAt(state, *appliance, flags.Args(), *anew, false); err != nil {
			return err
		}
	} else if _, err := state.Appliance(); err != nil {
		return fmt.Errorf("%w; or give --appliance HOST:PORT KEY here", err)
	}
	if err := installing.Host(*root).Install(installing.Fencing{Choice: string(fenced), Hardware: *hardware}); err != nil {
		return err
	}
	fmt.Println("the agent runs, and starts with this machine; its log: journalctl --unit secondsite-agent")
	return nil
}

// callElsewhere does by hand what the appliance at home tells by itself.
func callElsewhere(words []string) error {
	flags := flag.NewFlagSet("call", flag.ContinueOnError)
	state := flags.String("state", stateFolder, "folder that the enrollment made")
	appliance := flags.String("appliance", "", "HOST:PORT of the appliance's port for agents; several with commas")
	if err := parse(flags, words); err != nil {
		return err
	}
	addresses, err := addressesIn(*appliance)
	if err != nil {
		return err
	}
	if flags.NArg() != 1 {
		return fmt.Errorf("give the SHA-256 of its authority for agents")
	}
	places := []enrolling.Place{{Addresses: addresses, CA: flags.Arg(0)}}
	kept := enrolling.State(*state)
	if err := kept.KeepElsewhere(enrolling.Elsewhere{Always: true, Places: places}); err != nil {
		return err
	}
	fmt.Println("it is called within a minute, for as long as the appliance at home tells nothing else")
	return nil
}

func remove(words []string) error {
	flags := flag.NewFlagSet("remove", flag.ContinueOnError)
	root := flags.String("root", "/", "where the machine's files lie: for trials")
	if err := parse(flags, words); err != nil {
		return err
	}
	if err := installing.Host(*root).Remove(stateFolder); err != nil {
		return err
	}
	fmt.Println("the agent is gone; at the appliance: secondsite appliance agents revoke MACHINE")
	return nil
}
