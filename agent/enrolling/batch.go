package enrolling

import (
	"crypto/tls"
	"net"
	"sync"
)

const batchBytes = 64 << 10

// batch keeps TLS's records of one write together: each in a call of its own cost a third of a reader's processor time.
type batch struct {
	net.Conn
	lock    sync.Mutex
	isOn    bool
	pending []byte
}

func (b *batch) Write(record []byte) (int, error) {
	b.lock.Lock()
	defer b.lock.Unlock()
	if !b.isOn {
		return b.Conn.Write(record)
	}
	b.pending = append(b.pending, record...)
	if len(b.pending) < batchBytes {
		return len(record), nil
	}
	return len(record), b.write()
}

func (b *batch) flush() error {
	b.lock.Lock()
	defer b.lock.Unlock()
	return b.write()
}

// Close lets what TLS says at its end go.
func (b *batch) Close() error {
	b.flush()
	return b.Conn.Close()
}

func (b *batch) write() error {
	if len(b.pending) == 0 {
		return nil
	}
	_, err := b.Conn.Write(b.pending)
	b.pending = b.pending[:0]
	return err
}

// batched is TLS over a batch. One goroutine at a time writes.
type batched struct {
	*tls.Conn
	below *batch
}

func (b *batched) Write(data []byte) (int, error) {
	n, err := b.Conn.Write(data)
	if err == nil {
		err = b.below.flush()
	}
	return n, err
}
