package installing

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

const (
	trialName = "secondsite-agent-trial.service"
	trialPath = units + trialName
	// trialWanted has each start of the agent start it: the program on trial may be unable to.
	trialWanted = unitPath + ".wants/" + trialName
)

const trialText = `# Written for the upgrade of secondsite's agent; goes with the end of its trial.
[Unit]
Description=secondsite waits until its agent's new version has connected, or puts the former one back
ConditionPathExists=FORMER
StartLimitIntervalSec=0

[Service]
ExecStart=COMMAND
Restart=on-failure
RestartSec=5
Nice=5
`

// StandBy has systemd run this command now, and at each start of the agent's service; harmless when repeated.
func (h Host) StandBy(command []string) error {
	quoted := make([]string, len(command))
	for at, word := range command {
		quoted[at] = strconv.Quote(strings.ReplaceAll(word, "%", "%%"))
	}
	former := strings.ReplaceAll(command[0], "%", "%%")
	text := []byte(strings.NewReplacer("FORMER", former, "COMMAND", strings.Join(quoted, " ")).Replace(trialText))
	if have, err := os.ReadFile(h.path(trialPath)); err != nil || !bytes.Equal(have, text) || !exists(h.path(trialWanted)) {
		if err := h.enableTrial(text); err != nil {
			return err
		}
	}
	return h.systemctl("start", "--no-block", trialName)
}

func (h Host) enableTrial(text []byte) error {
	if err := written(h.path(trialPath), bytes.NewReader(text), 0o644); err != nil {
		return err
	}
	wants := filepath.Dir(h.path(trialWanted))
	if err := os.MkdirAll(wants, 0o755); err != nil {
		return err
	}
	if err := os.Symlink(trialPath, h.path(trialWanted)); err != nil && !os.IsExist(err) {
		return err
	}
	for _, folder := range []string{wants, filepath.Dir(wants)} {
		if err := synced(folder); err != nil {
			return err
		}
	}
	return h.systemctl("daemon-reload")
}

// StandDown ends that for later starts; what runs ends by itself.
func (h Host) StandDown() error {
	if !exists(h.path(trialPath)) && !exists(h.path(trialWanted)) {
		return nil
	}
	for _, path := range []string{trialWanted, trialPath} {
		if err := os.Remove(h.path(path)); err != nil && !os.IsNotExist(err) {
			return err
		}
	}
	os.Remove(filepath.Dir(h.path(trialWanted))) // unless the owner has others there
	return h.systemctl("daemon-reload")
}

// StartAgain restarts the agent, unless somebody has stopped it.
func (h Host) StartAgain() error {
	if h.systemctl("is-failed", "--quiet", unitName) == nil {
		return h.systemctl("restart", unitName)
	}
	return h.systemctl("try-restart", unitName)
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

func synced(folder string) error {
	opened, err := os.Open(folder)
	if err != nil {
		return err
	}
	defer opened.Close()
	return opened.Sync()
}
