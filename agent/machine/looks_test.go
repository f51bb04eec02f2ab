package machine

import (
	"encoding/json"
	"strings"
	"testing"
)

const header = "  sl  local_address rem_address   st\n"

func TestSSHIsListenedForWhereItsConfigurationSays(t *testing.T) {
	for _, each := range []struct {
		lines  []string
		wanted bool
	}{
		{[]string{"proc/1/net/tcp=" + header + "   0: 00000000:0016 00000000:0000 0A x"}, true},
		{[]string{"proc/1/net/tcp=" + header + "   0: 0100007F:0016 00000000:0000 0A x"}, false},
		{[]string{"proc/1/net/tcp=" + header + "   0: 00000000:0016 00000000:0000 01 x"}, false},
		{[]string{"proc/1/net/tcp6=" + header + "   0: 00000000000000000000000000000000:08AE 0:0 0A x", "etc/ssh/sshd_config=Port 2222\n"}, true},
		{[]string{"proc/1/net/tcp6=" + header + "   0: 00000000000000000000000001000000:0016 0:0 0A x"}, false},
		{nil, false},
	} {
		if found := prepared(t, each.lines...).ssh(); found.Listens != each.wanted {
			t.Errorf("%v: %+v", each.lines, found)
		}
	}
}

func TestWhetherSSHStartsAtBootIsToldBySystemdsNotes(t *testing.T) {
	const runs, note = "proc/1/comm=systemd\n", "etc/systemd/system/multi-user.target.wants/ssh.service=[Unit]"
	for wanted, each := range map[string][][]string{
		"true": {{runs, note}, {runs, "etc/systemd/system/sockets.target.wants/sshd.socket=[Unit]"},
			{runs, "usr/lib/systemd/system/multi-user.target.wants/dropbear.service=[Unit]"}},
		"false": {{runs}, {runs, "etc/systemd/system/multi-user.target.wants/cron.service=[Unit]"},
			{runs, note, "etc/systemd/system/ssh.service->/dev/null"}},
		"null": {{note}, {"proc/1/comm=init\n", note}, nil},
	} {
		for _, lines := range each {
			if found, _ := json.Marshal(prepared(t, lines...).ssh().AtBoot); string(found) != wanted {
				t.Errorf("%v: %s", lines, found)
			}
		}
	}
}

// rules are a table with an input chain of this policy, and a chain named `other`.
func rules(policy, input, other string) []byte {
	parts := []string{
		`{"chain":{"family":"inet","table":"f","name":"in","hook":"input","type":"filter","policy":"` + policy + `"}}`,
		`{"chain":{"family":"inet","table":"f","name":"other"}}`,
	}
	for name, lines := range map[string]string{"in": input, "other": other} {
		for _, line := range strings.Split(lines, "\n") {
			if line != "" {
				parts = append(parts, `{"rule":{"family":"inet","table":"f","chain":"`+name+`","expr":[`+line+`]}}`)
			}
		}
	}
	return []byte(`{"nftables":[` + strings.Join(parts, ",") + `]}`)
}

const (
	lo          = `{"match":{"op":"==","left":{"meta":{"key":"iifname"}},"right":"lo"}},{"accept":null}`
	established = `{"match":{"op":"in","left":{"ct":{"key":"state"}},"right":["established","related"]}},{"accept":null}`
	invalid     = `{"match":{"op":"in","left":{"ct":{"key":"state"}},"right":"invalid"}},{"drop":null}`
	ssh         = `{"match":{"op":"==","left":{"payload":{"protocol":"tcp","field":"dport"}},"right":22}},{"counter":{}},{"accept":null}`
	web         = `{"match":{"op":"==","left":{"payload":{"protocol":"tcp","field":"dport"}},"right":{"set":[80,443]}}},{"accept":null}`
	several     = `{"match":{"op":"==","left":{"payload":{"protocol":"tcp","field":"dport"}},"right":{"set":[80,{"range":[20,25]}]}}},{"accept":null}`
	fromOne     = `{"match":{"op":"==","left":{"payload":{"protocol":"ip","field":"saddr"}},"right":"192.0.2.0"}},{"accept":null}`
	named       = `{"match":{"op":"==","left":{"payload":{"protocol":"tcp","field":"dport"}},"right":"@ports"}},{"accept":null}`
	jump        = `{"jump":{"target":"other"}}`
	drop        = `{"drop":null}`
)

func TestAFirewallIsFollowedAsFarAsIsSure(t *testing.T) {
	for _, each := range []struct{ policy, input, other, wanted string }{
		{"accept", "", "", open}, {"drop", "", "", closed}, {"drop", lo + "\n" + established + "\n" + ssh, "", open},
		{"drop", lo + "\n" + web, "", closed}, {"drop", several, "", open}, {"accept", invalid + "\n" + drop, "", closed},
		{"drop", fromOne, "", unknown}, {"drop", named, "", unknown}, {"drop", jump, ssh, open}, {"drop", jump, web, closed},
		{"drop", fromOne + "\n" + ssh, "", open}, {"accept", web + "\n" + drop, "", closed},
		{"drop", `{"xt":{"type":"match"}},{"accept":null}`, "", unknown}, {"drop", jump, jump, unknown},
	} {
		if found := letIn(rules(each.policy, each.input, each.other), []int{22}); found != each.wanted {
			t.Errorf("%+v: %s", each, found)
		}
	}
	for _, broken := range []string{"", "{", `{"nftables":[{"rule":{}}]}`} {
		letIn([]byte(broken), []int{22})
	}
	if letIn(nil, []int{22}) != unknown {
		t.Error("rules that nobody could read say nothing")
	}
}

func TestANewerKernelThanRunsIsTold(t *testing.T) {
	root := prepared(t, "proc/sys/kernel/osrelease=6.1", "run/reboot-required=")
	teller := &Teller{Root: root}
	found := teller.looks([]Kernel{{Release: "6.2", Default: true}, {Release: "6.1", Running: true}}, nil)
	if found.NewerKernel != "6.2" || !found.RestartRequired || found.Clock.At < 1e9 {
		t.Fatalf("%+v", found)
	}
	if again := teller.looks([]Kernel{{Release: "6.1", Default: true, Running: true}}, nil); again.NewerKernel != "" {
		t.Fatalf("%+v", again)
	}
}
