package enrolling

// Renew is a request for the next certificate, of a new key.
func (s State) Renew(name string) (string, error) {
	key, err := s.next()
	if err != nil {
		return "", err
	}
	return requestFor(key, name)
}

// Keep uses a certificate for the key of the last request from now on.
func (s State) Keep(certificate string) error {
	key, err := s.next()
	if err != nil {
		return err
	}
	return s.keepIdentity(key, certificate)
}
