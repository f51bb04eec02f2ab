package views

import "secondsite/agent/hooks"

// App is whether applications rested at an instant.
type App struct {
	Consistent bool `json:"consistent"`
	// Reason is a sentence if they did not: the instant is then as after a power cut.
	Reason string `json:"reason,omitempty"`
}

func appOf(rest *hooks.Rest) *App {
	if rest == nil {
		return nil
	}
	return &App{rest.Problem() == "", rest.Problem()}
}

// rested brings applications to rest if that is wanted. What is dirty is written out before: it takes the longest.
func (m *Machine) rested(wanted bool) (*hooks.Rest, error) {
	if !wanted {
		return nil, nil
	}
	if err := m.flush(); err != nil {
		return nil, err
	}
	return m.Hooks.Freeze(), nil
}
