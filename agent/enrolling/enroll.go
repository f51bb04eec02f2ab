package enrolling

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"
)

const (
	dialPatience   = 10 * time.Second
	answerPatience = 30 * time.Second
	mostAnswer     = 64 << 10
)

// Refusal is the appliance's no.
type Refusal struct {
	Code  string `json:"code"`
	Words string `json:"error"`
}

func (r *Refusal) Error() string { return "the appliance refused: " + r.Words }

type given struct {
	AgentID     string `json:"agent_id"`
	Kind        string `json:"kind"`
	Certificate string `json:"certificate"`
	CA          string `json:"ca"`
}

// Enroll makes this machine known at the first of the addresses that answers, and keeps what it gets. Harmless when
// repeated: the same key is answered again as long as the answer was not kept. A machine that is enrolled already keeps
// its identity: a key for another one is refused, unless it is enrolled `anew`. A `rescue` system takes no other key.
func Enroll(state State, addresses []string, key RegistrationKey, name string, anew, rescue bool) (Appliance, error) {
	if err := state.Make(); err != nil {
		return Appliance{}, err
	}
	own, err := state.next()
	if err != nil {
		return Appliance{}, err
	}
	request, err := requestFor(own, name)
	if err != nil {
		return Appliance{}, err
	}
	asked := map[string]string{"role": "enroll", "key": key.Secret, "request": request, "name": name}
	if rescue {
		asked["rescue"] = "yes"
	}
	if before, err := state.Appliance(); err == nil && !anew {
		asked["known"] = before.AgentID
	}
	var troubles []string
	for _, address := range addresses {
		got, err := ask(address, key.CA, asked)
		var refusal *Refusal
		if errors.As(err, &refusal) {
			return Appliance{}, err
		}
		if err != nil {
			troubles = append(troubles, Explain(address, err).Error())
			continue
		}
		appliance := Appliance{got.AgentID, got.Kind, addresses, got.CA}
		if digest, err := appliance.digest(); err != nil || digest != key.CA {
			return appliance, ErrOtherCA
		}
		return appliance, state.keep(appliance, own, got.Certificate)
	}
	return Appliance{}, errors.New(strings.Join(troubles, "\n"))
}

func ask(address string, ca [digestBytes]byte, asked interface{}) (got given, err error) {
	connection, err := secured(address, trusting(ca, nil))
	if err != nil {
		return got, err
	}
	defer connection.Close()
	connection.SetDeadline(time.Now().Add(answerPatience))
	if err := json.NewEncoder(connection).Encode(asked); err != nil {
		return got, err
	}
	lines := bufio.NewScanner(connection)
	lines.Buffer(make([]byte, 4096), mostAnswer)
	if !lines.Scan() {
		if lines.Err() != nil {
			return got, lines.Err()
		}
		return got, errors.New("it left without an answer")
	}
	var answer struct {
		OK   bool  `json:"ok"`
		Told given `json:"told"`
		Refusal
	}
	if err := json.Unmarshal(lines.Bytes(), &answer); err != nil {
		return got, errors.New("it says what is no answer")
	}
	if !answer.OK {
		return got, &answer.Refusal
	}
	return answer.Told, nil
}

// secured is a connection on which both sides have shown who they are.
func secured(address string, config *tls.Config) (net.Conn, error) {
	dialler := net.Dialer{Timeout: dialPatience}
	plain, err := dialler.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	below := &batch{Conn: plain}
	connection := tls.Client(below, config)
	connection.SetDeadline(time.Now().Add(dialPatience))
	if err := connection.Handshake(); err != nil {
		plain.Close()
		return nil, err
	}
	connection.SetDeadline(time.Time{})
	below.isOn = true
	return &batched{connection, below}, nil
}

func requestFor(key *ecdsa.PrivateKey, name string) (string, error) {
	der, err := x509.CreateCertificateRequest(
		rand.Reader, &x509.CertificateRequest{Subject: pkix.Name{CommonName: name}}, key,
	)
	if err != nil {
		return "", err
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der})), nil
}

func (a Appliance) digest() (digest [digestBytes]byte, err error) {
	block, _ := pem.Decode([]byte(a.CA))
	if block == nil {
		return digest, fmt.Errorf("the appliance's certificate authority cannot be read; enroll this machine again")
	}
	return sha256.Sum256(block.Bytes), nil
}

// Dial reaches one address of a place with this machine's certificate.
func (s State) Dial(place Place, address string) (net.Conn, error) {
	ca, err := place.Digest()
	if err != nil {
		return nil, err
	}
	identity, err := s.Identity()
	if err != nil {
		return nil, err
	}
	return secured(address, trusting(ca, []tls.Certificate{identity}))
}
