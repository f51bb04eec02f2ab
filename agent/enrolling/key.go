package enrolling

import (
	"encoding/hex"
	"fmt"
	"strings"
)

const (
	keyPrefix   = "ssa"
	secretBytes = 16
	digestBytes = 32
)

// RegistrationKey lets this machine in, once.
type RegistrationKey struct {
	// Secret is what the appliance knows it by.
	Secret string
	// CA is the SHA-256 of the appliance's CA.
	CA [digestBytes]byte
}

// ParseKey reads the text that a person carries.
func ParseKey(text string) (key RegistrationKey, err error) {
	parts := strings.Split(strings.TrimSpace(text), "-")
	if len(parts) != 3 || parts[0] != keyPrefix {
		return key, wrongKey("it has another form")
	}
	secret, err := hex.DecodeString(parts[1])
	if err != nil || len(secret) != secretBytes {
		return key, wrongKey("its first part is cut off or changed")
	}
	ca, err := hex.DecodeString(parts[2])
	if err != nil || len(ca) != digestBytes {
		return key, wrongKey("its end is cut off or changed")
	}
	key.Secret = strings.ToLower(parts[1])
	copy(key.CA[:], ca)
	return key, nil
}

func wrongKey(why string) error {
	return fmt.Errorf("this is no registration key: %s; give the whole text that "+
		"'secondsite appliance agents key' showed, as in %s-...-...", why, keyPrefix)
}
