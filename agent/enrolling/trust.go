package enrolling

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"time"
)

// ErrOtherCA is that whoever answered does not belong to the appliance that this machine trusts.
var ErrOtherCA = errors.New("another certificate authority answers there")

// trusting is for a connection to whoever has a certificate of the CA with this SHA-256, whatever its address.
// This machine's clock does not count: a server whose battery is empty believes that it is 1970, and is to be
// protected all the same. Both certificates have the same life, and the CA is this appliance's alone.
func trusting(ca [digestBytes]byte, identity []tls.Certificate) *tls.Config {
	return &tls.Config{
		MinVersion:         tls.VersionTLS13,
		Certificates:       identity,
		InsecureSkipVerify: true, // a name is not what it is known by: see VerifyConnection
		VerifyConnection:   func(state tls.ConnectionState) error { return verify(ca, state.PeerCertificates) },
		// Small records at the beginning would only cost.
		DynamicRecordSizingDisabled: true,
	}
}

func verify(ca [digestBytes]byte, shown []*x509.Certificate) error {
	roots := x509.NewCertPool()
	for _, each := range shown {
		if sha256.Sum256(each.Raw) == ca {
			roots.AddCert(each)
		}
	}
	if len(shown) == 0 {
		return ErrOtherCA
	}
	_, err := shown[0].Verify(x509.VerifyOptions{
		Roots:       roots,
		KeyUsages:   []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		CurrentTime: shown[0].NotBefore.Add(time.Hour),
	})
	if err != nil {
		return ErrOtherCA
	}
	return nil
}
