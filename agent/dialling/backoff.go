package dialling

import (
	"math/rand"
	"time"
)

const (
	firstPause   = time.Second
	longestPause = time.Minute
	// hastyPause is the longest while the machine stands still: people wait for it.
	hastyPause = 3 * time.Second
	// steady is how long a connection has to last for the next pause to be short again.
	steady = 30 * time.Second
)

// backoff doubles the pause with each failure, and spreads machines that lost their appliance together.
type backoff struct {
	chance   *rand.Rand
	failures uint
}

func newBackoff() *backoff {
	return &backoff{chance: rand.New(rand.NewSource(time.Now().UnixNano()))}
}

// after is the next pause, once a connection lasted that long; a hasty one is short.
func (b *backoff) after(lasted time.Duration, hasty bool) time.Duration {
	if lasted >= steady {
		b.failures = 0
	}
	pause := firstPause << b.failures
	if pause >= longestPause {
		pause = longestPause
	} else {
		b.failures++
	}
	if hasty && pause > hastyPause {
		pause = hastyPause
	}
	return pause/2 + time.Duration(b.chance.Int63n(int64(pause/2)))
}
