package restraint

import "time"

// Rate lets so many bytes a second pass, in portions that are small against a second.
type Rate struct {
	perSecond int64
	due       time.Time
}

// NewRate allows that many bytes a second; 0 is without bound.
func NewRate(perSecond int64) *Rate { return &Rate{perSecond: perSecond} }

// Wait returns once that many more bytes may pass.
func (r *Rate) Wait(bytes int64) {
	if r.perSecond <= 0 {
		return
	}
	now := time.Now()
	if r.due.Before(now) {
		r.due = now
	}
	time.Sleep(r.due.Sub(now))
	r.due = r.due.Add(time.Duration(float64(bytes) / float64(r.perSecond) * float64(time.Second)))
}
