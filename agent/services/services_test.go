package services

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// systemd is a program in its place that lists units from a file, and takes those away that are stopped.
func systemd(t *testing.T, body string) (said func() string) {
	folder := t.TempDir()
	note = filepath.Join(folder, "note", "stopped")
	script := "#!/bin/sh\ncd " + folder + "\necho \"$*\" >> said\n" + body
	os.WriteFile(filepath.Join(folder, "systemctl"), []byte(script), 0o700)
	os.WriteFile(filepath.Join(folder, "journalctl"), []byte(script[:len(script)-len(body)]), 0o700)
	os.WriteFile(filepath.Join(folder, "units"),
		[]byte("db.service loaded active running\nssh.service loaded active running\nweb.socket loaded active listening\n"), 0o600)
	t.Setenv("PATH", folder+":"+os.Getenv("PATH"))
	return func() string {
		text, _ := os.ReadFile(filepath.Join(folder, "said"))
		return string(text)
	}
}

const obeys = "case $1 in list-units) cat units;; stop) grep ssh units > u; mv u units;; esac\n"

func TestWhatTheMachineNeedsIsNotStopped(t *testing.T) {
	for unit, stops := range map[string]bool{
		"postgresql@15-main.service": true, "nginx.service": true, "cron.service": true, "docker.socket": true,
		"apt-daily.timer": true, "mariadb.service": true, "system-backup.service": true,
		"systemd-journald.service": false, "systemd-udevd-kernel.socket": false, "dbus.service": false,
		"ssh.service": false, "ssh@0-10.0.0.1:22.service": false, "getty@tty1.service": false,
		"networking.service": false, "NetworkManager.service": false, "secondsite-agent.service": false,
		"user@0.service": false, "-.mount": false, "x;reboot.service": false, "--force.service": true,
	} {
		if mayStop(unit) != stops {
			t.Errorf("%s: %v", unit, !stops)
		}
	}
}

func TestWhatWasStoppedIsStartedAgainAndForgotten(t *testing.T) {
	said := systemd(t, obeys)
	stopped := Stop(time.Minute)
	if strings.Join(stopped.Units, " ") != "db.service web.socket" || stopped.Problem != "" || !AreStopped() {
		t.Fatalf("%+v", stopped)
	}
	if err := Start(); err != nil || AreStopped() {
		t.Fatal(err)
	}
	if !strings.Contains(said(), "--relinquish-var\n--flush\nstart --no-block -- db.service web.socket") {
		t.Error(said())
	}
}

func TestStoppingAgainForgetsNothing(t *testing.T) {
	systemd(t, obeys)
	Stop(time.Minute)
	if again := Stop(time.Minute); len(again.Units) != 2 || again.Problem != "" {
		t.Fatalf("%+v", again)
	}
}

func TestAUnitThatIsGoneKeepsNoOtherOneNoted(t *testing.T) {
	systemd(t, "case $1 in list-units) cat units;; stop) : >units;; start) case \"$*\" in *web*) exit 5;; esac;; esac\n")
	Stop(time.Minute)
	if err := Start(); err == nil || !strings.Contains(err.Error(), "start web.socket by hand") || AreStopped() {
		t.Fatal(err)
	}
}

func TestAServiceThatDoesNotEndIsNamed(t *testing.T) {
	systemd(t, "case $1 in list-units) cat units;; stop) exec sleep 5;; esac\n")
	stopped := Stop(50 * time.Millisecond)
	if len(stopped.Running) != 2 || !strings.Contains(stopped.Problem, "did not end") || !AreStopped() {
		t.Fatalf("%+v", stopped)
	}
}

func TestWithoutSystemdNothingIsStoppedAndThatIsSaid(t *testing.T) {
	note = filepath.Join(t.TempDir(), "stopped")
	t.Setenv("PATH", t.TempDir())
	if stopped := Stop(time.Minute); !strings.Contains(stopped.Problem, "cannot be stopped") || AreStopped() {
		t.Fatalf("%+v", stopped)
	}
}
