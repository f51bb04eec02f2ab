package machine

import (
	"encoding/json"
	"fmt"
)

// letIn judges rules as nft prints them: open, closed or unknown. It follows what it is sure of: a rule that looks at
// anything but the port, such as where a packet comes from, makes the answer unknown if it decides.
func letIn(rules []byte, ports []int) string {
	var told ruleset
	if rules == nil || json.Unmarshal(rules, &told) != nil || len(ports) == 0 {
		return unknown
	}
	chains, entries := told.chains()
	answer := open
	for _, chain := range entries {
		if verdict := chains.decide(chain, ports[0], deepest); verdict != "" {
			answer = worseOf(answer, verdict)
		}
	}
	return answer
}

const open, closed, unknown = "open", "closed", "unknown"

// A packet passes only if each base chain lets it pass.
func worseOf(one, other string) string {
	for _, each := range []string{closed, unknown} {
		if one == each || other == each {
			return each
		}
	}
	return open
}

type ruleset struct {
	Parts []struct {
		Chain *chain `json:"chain"`
		Rule  *rule  `json:"rule"`
	} `json:"nftables"`
}

type chain struct {
	Family string `json:"family"`
	Table  string `json:"table"`
	Name   string `json:"name"`
	Hook   string `json:"hook"`
	Type   string `json:"type"`
	Policy string `json:"policy"`
	rules  []rule
}

type rule struct {
	Family string                       `json:"family"`
	Table  string                       `json:"table"`
	Chain  string                       `json:"chain"`
	Expr   []map[string]json.RawMessage `json:"expr"`
}

type chainsByName map[string]*chain

func nameOf(family, table, name string) string { return fmt.Sprintf("%s %s %s", family, table, name) }

func (r ruleset) chains() (chainsByName, []*chain) {
	all, entries := chainsByName{}, []*chain{}
	for _, part := range r.Parts {
		if each := part.Chain; each != nil {
			all[nameOf(each.Family, each.Table, each.Name)] = each
			if each.Hook == "input" && each.Type == "filter" && each.Family != "ip6" {
				entries = append(entries, each)
			}
		}
	}
	for _, part := range r.Parts {
		if each := part.Rule; each != nil {
			if in := all[nameOf(each.Family, each.Table, each.Chain)]; in != nil {
				in.rules = append(in.rules, *each)
			}
		}
	}
	return all, entries
}

// decide is what becomes of a first packet to that port in a chain; empty if it comes out at its end.
func (all chainsByName) decide(in *chain, port int, depth int) string {
	if depth == 0 {
		return unknown
	}
	doubt := false
	for _, each := range in.rules {
		verdict := all.verdict(in, each, port, depth)
		if verdict == "" {
			continue
		}
		switch applies(each, port) {
		case yes:
			if doubt && verdict != closed {
				return verdict
			}
			if doubt {
				return unknown
			}
			return verdict
		case perhaps:
			doubt = true
		}
	}
	end := map[string]string{"drop": closed, "accept": open}[in.Policy]
	if doubt && end != "" {
		return unknown
	}
	return end
}

const (
	no = iota
	perhaps
	yes
)

func (all chainsByName) verdict(in *chain, each rule, port, depth int) string {
	for _, expression := range each.Expr {
		for kind, value := range expression {
			switch kind {
			case "accept":
				return open
			case "drop", "reject":
				return closed
			case "jump", "goto":
				var to struct{ Target string }
				if json.Unmarshal(value, &to) == nil {
					if next := all[nameOf(in.Family, in.Table, to.Target)]; next != nil {
						return all.decide(next, port, depth-1)
					}
				}
				return unknown
			}
		}
	}
	return ""
}

// applies tells whether a rule is for a first packet to that port from anywhere.
func applies(each rule, port int) int {
	answer := yes
	for _, expression := range each.Expr {
		for kind, value := range expression {
			found := yes
			switch kind {
			case "match":
				found = matches(value, port)
			case "xt", "lookup", "fib", "limit", "vmap":
				found = perhaps
			}
			if found < answer {
				answer = found
			}
		}
	}
	return answer
}

type match struct {
	Op   string          `json:"op"`
	Left json.RawMessage `json:"left"`
	// Right is a number, a word, or a set of these.
	Right json.RawMessage `json:"right"`
}

func matches(value json.RawMessage, port int) int {
	var told match
	if json.Unmarshal(value, &told) != nil {
		return perhaps
	}
	var left struct {
		Payload struct{ Protocol, Field string } `json:"payload"`
		Meta    struct{ Key string }             `json:"meta"`
		CT      struct{ Key string }             `json:"ct"`
	}
	json.Unmarshal(told.Left, &left)
	switch {
	case left.Payload.Field == "dport" && (left.Payload.Protocol == "tcp" || left.Payload.Protocol == "th"):
		return sided(told.Op, hasPort(told.Right, port))
	case left.Payload.Protocol == "udp" || left.Payload.Protocol == "icmp" || left.Payload.Protocol == "icmpv6":
		return no
	case left.CT.Key == "state":
		return sided(told.Op, hasAny(told.Right, "new"))
	case left.Meta.Key == "l4proto" || left.Payload.Field == "protocol":
		return sided(told.Op, hasAny(told.Right, "tcp"))
	case left.Meta.Key == "iif" || left.Meta.Key == "iifname":
		if hasAny(told.Right, "lo") == yes {
			return sided(told.Op, no)
		}
	}
	return perhaps
}

func sided(op string, found int) int {
	if op == "!=" && found != perhaps {
		return yes - found
	}
	return found
}

// values are what a right side names, each as it stands; ok is whether they are all plain.
func values(right json.RawMessage) (found []json.RawMessage, ok bool) {
	var set struct {
		Set []json.RawMessage `json:"set"`
	}
	var list []json.RawMessage
	switch {
	case json.Unmarshal(right, &list) == nil:
		return list, true
	case json.Unmarshal(right, &set) == nil && set.Set != nil:
		return set.Set, true
	case len(right) > 0 && right[0] == '{':
		return []json.RawMessage{right}, true
	}
	return []json.RawMessage{right}, len(right) > 0
}

func hasPort(right json.RawMessage, port int) int {
	all, ok := values(right)
	answer := no
	for _, each := range all {
		var number int
		var span struct{ Range []int }
		switch {
		case json.Unmarshal(each, &number) == nil:
			if number == port {
				return yes
			}
		case json.Unmarshal(each, &span) == nil && len(span.Range) == 2:
			if span.Range[0] <= port && port <= span.Range[1] {
				return yes
			}
		default:
			answer = perhaps // a named set
		}
	}
	if !ok {
		return perhaps
	}
	return answer
}

func hasAny(right json.RawMessage, wanted string) int {
	all, ok := values(right)
	for _, each := range all {
		var word string
		if json.Unmarshal(each, &word) != nil || len(word) > 0 && word[0] == '@' {
			return perhaps
		}
		if word == wanted {
			return yes
		}
	}
	if !ok {
		return perhaps
	}
	return no
}
