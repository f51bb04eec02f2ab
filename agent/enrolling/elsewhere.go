package enrolling

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
)

const (
	elsewhereFile = "elsewhere.json"
	mostPlaces    = 8
	longestPlace  = 300
)

// Place is where an appliance listens for agents, and the SHA-256 of its authority.
type Place struct {
	Addresses []string `json:"addresses"`
	CA        string   `json:"ca"`
}

// Elsewhere is whom this machine calls as well, once it was started at another site.
type Elsewhere struct {
	// Hardware is this machine's when it was told: while it is on that it is at home, and calls nobody else.
	Hardware string `json:"hardware"`
	// Always is what a person wants.
	Always bool    `json:"always,omitempty"`
	Places []Place `json:"places"`
}

// Elsewhere is what was told last; nothing if it never was.
func (s State) Elsewhere() (told Elsewhere, err error) {
	text, err := os.ReadFile(s.path(elsewhereFile))
	if errors.Is(err, os.ErrNotExist) {
		return told, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &told)
	}
	if err != nil {
		return Elsewhere{}, fmt.Errorf("%s cannot be read: %w; remove it", s.path(elsewhereFile), err)
	}
	return told, nil
}

// KeepElsewhere replaces it; what is the same is not written again.
func (s State) KeepElsewhere(told Elsewhere) error {
	if err := told.check(); err != nil {
		return err
	}
	text, err := json.MarshalIndent(told, "", "  ")
	if err != nil {
		return err
	}
	if known, err := os.ReadFile(s.path(elsewhereFile)); err == nil && bytes.Equal(known, text) {
		return nil
	}
	return s.write(elsewhereFile, text)
}

func (e Elsewhere) check() error {
	if len(e.Places) > mostPlaces {
		return fmt.Errorf("%d places are too many: %d at most", len(e.Places), mostPlaces)
	}
	for _, place := range e.Places {
		if _, err := place.Digest(); err != nil {
			return err
		}
		if len(place.Addresses) == 0 || len(place.Addresses) > mostPlaces {
			return fmt.Errorf("a place has 1 to %d addresses", mostPlaces)
		}
		for _, address := range place.Addresses {
			if address == "" || len(address) > longestPlace {
				return fmt.Errorf("that is no address: give HOST:PORT")
			}
		}
	}
	return nil
}

// Digest is its authority's.
func (p Place) Digest() (digest [digestBytes]byte, err error) {
	found, err := hex.DecodeString(p.CA)
	if err != nil || len(found) != digestBytes {
		return digest, fmt.Errorf("an authority is named by its SHA-256, 64 digits: 'secondsite appliance agents where' shows it")
	}
	copy(digest[:], found)
	return digest, nil
}

// Place is where this machine was enrolled.
func (a Appliance) Place() (Place, error) {
	digest, err := a.digest()
	return Place{a.Addresses, hex.EncodeToString(digest[:])}, err
}
