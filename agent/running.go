package main

import (
	"context"
	"crypto/sha256"
	"flag"
	"fmt"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"secondsite/agent/dialling"
	"secondsite/agent/disks"
	"secondsite/agent/enrolling"
	"secondsite/agent/freezing"
	"secondsite/agent/hooks"
	"secondsite/agent/installing"
	"secondsite/agent/nbd"
	"secondsite/agent/restraint"
	"secondsite/agent/services"
	"secondsite/agent/serving"
	"secondsite/agent/upgrading"
	"secondsite/agent/views"
)

const (
	stateFolder = "/var/lib/secondsite-agent"
	agentsPort  = "9446"
	// farewell is how long the appliance has to hear that this agent goes.
	farewell = 2 * time.Second
)

// following is which disks are followed, and how: the options of all that serves.
type following struct {
	loops, seams *string
	only         *bool
	deadline     *time.Duration
	held, scan   *int64
	hooks        *string
	hookTime     *time.Duration
	tracked      *string
	frozen       string
	resting      string
}

func followingOf(flags *flag.FlagSet) following {
	return following{
		loops:    loops(flags),
		only:     flags.Bool("only-loops", false, "follow nothing but these: for trials"),
		deadline: flags.Duration("thaw-after", 5*time.Second, "how long file systems may stand still"),
		held:     flags.Int64("held-mib", 24, "how much is read while they stand still, in MiB"),
		scan:     flags.Int64("scan-mib", 100, "how much a scan reads in a second, in MiB; 0 is without bound"),
		hooks:    flags.String("hooks", hooks.Folder, "folder of the programs that bring applications to rest"),
		hookTime: flags.Duration("hook-deadline", hooks.Deadline, "how long each of them may take"),
		tracked:  flags.String("tracking", "ebpf", "`ebpf`, or scan: nothing is followed"),
		seams:    flags.String("seams", "", "folder of seams: for trials"),
	}
}

// open begins to follow them.
func (f following) open() ([]*disks.Disk, *views.Machine, error) {
	restraint.Modest()
	finder := finderOf(names(*f.loops), *f.only)
	found := finder.Find()
	machine, err := views.Open(found, views.Options{
		Finder: finder, ScanOnly: *f.tracked == "scan",
		Sys: "/", Deadline: *f.deadline, HeldBytes: *f.held << 20, ScanBytes: *f.scan << 20, Seams: views.Seams(*f.seams),
		Hooks: f.asked(), Farewell: services.Farewell(*f.only),
		Frozen: f.frozen,
	})
	return found, machine, err
}

func (f following) asked() hooks.Hooks {
	return hooks.Hooks{Folder: *f.hooks, Deadline: *f.hookTime, Noted: f.resting}
}

func enroll(words []string) error {
	flags := flag.NewFlagSet("enroll", flag.ContinueOnError)
	state := flags.String("state", stateFolder, "folder for this machine's key and certificate")
	appliance := flags.String("appliance", "", "HOST:PORT of the appliance's port for agents; several with commas")
	anew := anewOf(flags)
	rescue := flags.Bool("rescue", false, "as a rescue system: with a key of 'agents key --rescue'")
	if err := parse(flags, words); err != nil {
		return err
	}
	return enrollAt(enrolling.State(*state), *appliance, flags.Args(), *anew, *rescue)
}

func anewOf(flags *flag.FlagSet) *bool {
	return flags.Bool("anew", false, "as a new machine, also if this one is enrolled already")
}

func enrollAt(state enrolling.State, appliance string, rest []string, anew, rescue bool) error {
	addresses, err := addressesIn(appliance)
	if err != nil {
		return err
	}
	key, err := keyIn(rest)
	if err != nil {
		return err
	}
	enrolled, err := enrolling.Enroll(state, addresses, key, dialling.HostName(), anew, rescue)
	if err != nil {
		return fmt.Errorf("this machine is not enrolled: %w", err)
	}
	fmt.Printf("this machine is enrolled as %s, by its %s certificate\n", enrolled.AgentID, enrolled.Kind)
	return nil
}

func addressesIn(list string) ([]string, error) {
	addresses := names(list)
	for at, address := range addresses {
		if _, _, err := net.SplitHostPort(address); err != nil {
			addresses[at] = net.JoinHostPort(strings.Trim(address, "[]"), agentsPort)
		}
	}
	if len(addresses) == 0 {
		return nil, fmt.Errorf("which appliance? Give --appliance HOST:PORT, as in --appliance 192.0.2.7:%s", agentsPort)
	}
	return addresses, nil
}

// keyIn is the key that is given, or comes by the standard input, where no other process sees it.
func keyIn(rest []string) (enrolling.RegistrationKey, error) {
	if len(rest) != 1 {
		return enrolling.RegistrationKey{}, fmt.Errorf(
			"give one registration key, or - to read it from the standard input")
	}
	text := rest[0]
	if text == "-" {
		var line string
		if _, err := fmt.Scanln(&line); err != nil {
			return enrolling.RegistrationKey{}, fmt.Errorf("the standard input holds no registration key")
		}
		text = line
	}
	return enrolling.ParseKey(text)
}

// stayConnected serves the appliance until it is told to end. A machine whose disks cannot be followed says why there.
func stayConnected(words []string) error {
	flags := flag.NewFlagSet("run", flag.ContinueOnError)
	state := flags.String("state", stateFolder, "folder that the enrollment made")
	hardware := flags.String("hardware", "", "what counts as this machine's product UUID: for trials")
	trial := flags.Duration("trial", upgrading.Trial, "how long an upgraded program has to connect: for trials")
	follows := followingOf(flags)
	if err := parse(flags, words); err != nil {
		return err
	}
	if _, err := enrolling.State(*state).Appliance(); err != nil {
		return err
	}
	follows.frozen, follows.resting = noteOf("frozen", *state), noteOf("resting", *state)
	if err := freezing.EndLeftOver(follows.frozen, services.Farewell(*follows.only).PowerOff); err != nil {
		fmt.Fprintln(os.Stderr, "error: this machine is to stand still, since its copy may run: "+err.Error())
	}
	if err := follows.asked().EndLeftOver(); err != nil {
		fmt.Fprintln(os.Stderr, "error: "+err.Error())
	}
	found, machine, err := follows.open()
	dialler := &dialling.Dialler{State: enrolling.State(*state)}
	upgradable(dialler, *trial)
	if err != nil {
		fmt.Fprintln(os.Stderr, "error: no disk is followed: "+err.Error())
		mute(dialler, found, err)
	} else {
		defer machine.Close()
		dialler.IsStill, dialler.Hurries = machine.IsStill, machine.Hurries
		dialler.Hello = func() dialling.Hello { return dialling.Greeting("/", found, "") }
		dialler.Answer = func(line []byte) serving.Answer { return serving.AnswerTo(serving.Followed(machine), line) }
		dialler.Read = func(c net.Conn) { nbd.Serve(nbd.Views(machine), c) }
	}
	if *hardware != "" {
		onHardware(dialler, *hardware)
	}
	tellStopped(dialler, services.Farewell(*follows.only))
	return inOrder(dialler)
}

// noteOf is in memory: it ends with this start of the machine. There may be several agents, in trials.
func noteOf(what, state string) string {
	name := sha256.Sum256([]byte(state))
	return fmt.Sprintf("/run/secondsite-agent/%s-%x", what, name[:8])
}

// upgradable lets the appliance replace the program that runs, if that can be found.
func upgradable(dialler *dialling.Dialler, trial time.Duration) {
	program, err := os.Executable()
	if err != nil {
		return
	}
	upgrader := &upgrading.Upgrader{Program: program, State: string(dialler.State), Version: dialling.Version,
		Trial: trial, Services: installing.Host("/")}
	upgrader.Begin()
	dialler.Upgrade = upgrader
	dialler.Restart = func() {
		upgrader.Await()
		syscall.Kill(os.Getpid(), syscall.SIGTERM)
	}
}

// watchUpgrade is the former program, which waits for the new one.
func watchUpgrade(words []string) error {
	flags := flag.NewFlagSet(upgrading.WatchVerb, flag.ContinueOnError)
	state := flags.String("state", stateFolder, "folder that the enrollment made")
	program := flags.String("program", "", "the program on trial")
	seconds := flags.Int("seconds", int(upgrading.Trial.Seconds()), "how long it has to connect")
	if err := parse(flags, words); err != nil {
		return err
	}
	upgrader := upgrading.Upgrader{Program: *program, State: *state, Version: dialling.Version,
		Trial: time.Duration(*seconds) * time.Second, Services: installing.Host("/")}
	return upgrader.Watch()
}

func onHardware(dialler *dialling.Dialler, product string) {
	greeting := dialler.Hello
	dialler.Hello = func() dialling.Hello {
		hello := greeting()
		hello.ProductUUID = product
		return hello
	}
}

// tellStopped: one that is let in no more tells nothing else, and would be taken for a machine that works.
func tellStopped(dialler *dialling.Dialler, farewell views.Farewell) {
	greeting := dialler.Hello
	dialler.Hello = func() dialling.Hello {
		hello := greeting()
		hello.Stopped = farewell.AreStopped()
		return hello
	}
}

// mute answers each question about disks with why nothing is followed.
func mute(dialler *dialling.Dialler, found []*disks.Disk, why error) {
	dialler.Hello = func() dialling.Hello { return dialling.Greeting("/", found, why.Error()) }
	dialler.Answer = func(line []byte) serving.Answer { return serving.AnswerTo(serving.Mute(why), line) }
	dialler.Read = func(c net.Conn) { c.Close() }
}

func inOrder(dialler *dialling.Dialler) error {
	until, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- dialler.Run(until) }()
	select {
	case err := <-ended:
		return err
	case <-until.Done():
	}
	select {
	case err := <-ended:
		return err
	case <-time.After(farewell):
		return nil
	}
}
