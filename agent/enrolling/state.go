package enrolling

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

const (
	identityFile   = "identity.pem"
	appliancesFile = "appliance.json"
	// nextKey is of an enrollment or a renewal whose answer was not kept yet: asking again with the same key is
	// answered again.
	nextKey = "next.key"
)

// State is a folder that only root can read.
type State string

// Appliance is to whom this machine belongs.
type Appliance struct {
	AgentID   string   `json:"agent_id"`
	Kind      string   `json:"kind"`
	Addresses []string `json:"addresses"`
	// CA is its certificate, as PEM.
	CA string `json:"ca"`
}

// Make makes the folder.
func (s State) Make() error {
	if err := os.MkdirAll(string(s), 0o700); err != nil {
		return err
	}
	return os.Chmod(string(s), 0o700)
}

// Appliance is what was kept at the enrollment.
func (s State) Appliance() (appliance Appliance, err error) {
	text, err := os.ReadFile(s.path(appliancesFile))
	if errors.Is(err, os.ErrNotExist) {
		return appliance, fmt.Errorf("this machine is not enrolled; do it with " +
			"'secondsite-agent enroll --appliance HOST:PORT KEY'")
	}
	if err == nil {
		err = json.Unmarshal(text, &appliance)
	}
	if err != nil {
		return appliance, fmt.Errorf("%s cannot be read: %w; enroll this machine again", s.path(appliancesFile), err)
	}
	return appliance, nil
}

// Identity is the certificate by which this machine comes in, with its key.
func (s State) Identity() (tls.Certificate, error) {
	identity, err := tls.LoadX509KeyPair(s.path(identityFile), s.path(identityFile))
	if err != nil {
		return identity, fmt.Errorf("%s cannot be read: %w; enroll this machine again", s.path(identityFile), err)
	}
	return identity, nil
}

// keep makes both survive a power cut: the identity last, since without it the enrollment is asked for again.
func (s State) keep(appliance Appliance, key *ecdsa.PrivateKey, certificate string) error {
	text, err := json.MarshalIndent(appliance, "", "  ")
	if err != nil {
		return err
	}
	if err := s.write(appliancesFile, text); err != nil {
		return err
	}
	return s.keepIdentity(key, certificate)
}

func (s State) keepIdentity(key *ecdsa.PrivateKey, certificate string) error {
	keyPEM, err := keyAsPEM(key)
	if err != nil {
		return err
	}
	if _, err := tls.X509KeyPair([]byte(certificate), keyPEM); err != nil {
		return fmt.Errorf("the appliance gave a certificate that is not for this machine's key: %w", err)
	}
	if err := s.write(identityFile, append(keyPEM, certificate...)); err != nil {
		return err
	}
	return os.Remove(s.path(nextKey))
}

// next is the key for the next certificate: the same one until that is kept.
func (s State) next() (*ecdsa.PrivateKey, error) {
	text, err := os.ReadFile(s.path(nextKey))
	if err == nil {
		if block, _ := pem.Decode(text); block != nil {
			if key, err := x509.ParseECPrivateKey(block.Bytes); err == nil {
				return key, nil
			}
		}
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	text, err = keyAsPEM(key)
	if err != nil {
		return nil, err
	}
	return key, s.write(nextKey, text)
}

func keyAsPEM(key *ecdsa.PrivateKey) ([]byte, error) {
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}), nil
}

func (s State) path(name string) string { return filepath.Join(string(s), name) }

// write replaces a file; after a power cut it is whole, old or new.
func (s State) write(name string, content []byte) error {
	part := s.path("." + name + ".part")
	if err := writeSynced(part, content); err != nil {
		os.Remove(part)
		return fmt.Errorf("%s cannot be written: %w", s.path(name), err)
	}
	if err := os.Rename(part, s.path(name)); err != nil {
		return err
	}
	folder, err := os.Open(string(s))
	if err != nil {
		return err
	}
	defer folder.Close()
	return folder.Sync()
}

func writeSynced(path string, content []byte) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer file.Close()
	if _, err := file.Write(content); err != nil {
		return err
	}
	return file.Sync()
}
