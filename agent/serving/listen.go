package serving

import (
	"fmt"
	"net"
	"os"

	"secondsite/agent/nbd"
)

const (
	mostConversations = 4
	mostReaders       = 64
)

// Listen serves conversations at one socket and readers at another, until one of them fails.
func Listen(subject Subject, control, readers string) error {
	ended := make(chan error, 2)
	for _, each := range []struct {
		path  string
		most  int
		serve func(net.Conn)
	}{
		{control, mostConversations, func(c net.Conn) { Converse(subject, c) }},
		{readers, mostReaders, func(c net.Conn) { nbd.Serve(subject.Offer(), c) }},
	} {
		listener, err := listen(each.path)
		if err != nil {
			return err
		}
		defer listener.Close()
		most, serve := each.most, each.serve
		go func() { ended <- accept(listener, most, serve) }()
	}
	return <-ended
}

func listen(path string) (net.Listener, error) {
	os.Remove(path)
	listener, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("%s cannot be listened at: %w", path, err)
	}
	return listener, os.Chmod(path, 0o600)
}

// accept serves so many at once; whoever comes beyond that is sent away.
func accept(listener net.Listener, most int, serve func(net.Conn)) error {
	places := make(chan struct{}, most)
	for {
		connection, err := listener.Accept()
		if err != nil {
			return err
		}
		select {
		case places <- struct{}{}:
			go func() {
				defer func() { <-places }()
				serve(connection)
			}()
		default:
			connection.Close()
		}
	}
}
