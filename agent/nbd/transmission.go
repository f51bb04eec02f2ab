package nbd

import (
	"bytes"
	"encoding/binary"

	"secondsite/agent/disks"
)

const (
	chunkBytes = 256 << 10
	// Reads past the page cache begin and end at such multiples; every disk takes them.
	alignment = 4096
)

type request struct {
	flags, kind    uint16
	cookie, offset uint64
	length         uint32
}

// transmit answers requests one after the other.
func (s *Server) transmit() error {
	buffer, err := disks.Buffer(chunkBytes + 2*alignment)
	if err != nil {
		return err
	}
	defer disks.FreeBuffer(buffer)
	for {
		head, err := s.read(28, requestPatience)
		if err != nil {
			return err
		}
		if binary.BigEndian.Uint32(head) != requestMagic {
			return errForeign
		}
		r := request{
			binary.BigEndian.Uint16(head[4:]), binary.BigEndian.Uint16(head[6:]),
			binary.BigEndian.Uint64(head[8:]), binary.BigEndian.Uint64(head[16:]), binary.BigEndian.Uint32(head[24:]),
		}
		if r.kind == cmdDisconnect {
			return nil
		}
		if err := s.answer(r, buffer); err != nil {
			return err
		}
	}
}

func (s *Server) answer(r request, buffer []byte) error {
	size := uint64(s.size)
	within := r.offset <= size && uint64(r.length) <= size-r.offset
	switch {
	case r.kind == cmdWrite:
		return s.receive(r, buffer, within)
	case r.kind == cmdFlush && s.writable != nil:
		return s.done(r, s.writable.Flush())
	case r.length == 0 || !within:
		return s.fail(r, errInvalid, "the range is not within the disk")
	case r.kind == cmdStatus:
		return s.status(r)
	case s.writable != nil && (r.kind == cmdTrim || r.kind == cmdZero):
		return s.zero(r)
	case r.kind != cmdRead:
		return s.fail(r, errPermission, "this disk is only read")
	case r.length > mostBytes:
		return s.fail(r, errInvalid, "so much is not read at once")
	}
	return s.send(r, buffer)
}

func (s *Server) chunk(r request, flags, kind uint16, data ...[]byte) error {
	length := 0
	for _, each := range data {
		length += len(each)
	}
	parts := []interface{}{uint32(chunkMagic), flags, kind, r.cookie, uint32(length)}
	for _, each := range data {
		parts = append(parts, each)
	}
	return s.write(parts...)
}

func (s *Server) fail(r request, code uint32, why string) error {
	return s.chunk(r, chunkDone, chunkErr, packed(code, uint16(len(why)), why))
}

func (s *Server) status(r request) error {
	if len(s.chosen) == 0 {
		return s.fail(r, errInvalid, "no context was chosen")
	}
	for at, each := range s.chosen {
		flags := uint16(0)
		if at == len(s.chosen)-1 {
			flags = chunkDone
		}
		found := each.extents(int64(r.offset), int64(r.length), r.flags&flagOneExtent != 0)
		if err := s.chunk(r, flags, chunkBlockStatus, packed(uint32(at)), found); err != nil {
			return err
		}
	}
	return nil
}

// send reads in small portions, so that a connection takes little memory.
func (s *Server) send(r request, buffer []byte) error {
	offset, end := int64(r.offset), int64(r.offset)+int64(r.length)
	for offset < end {
		to := offset + chunkBytes
		if to > end {
			to = end
		}
		content, err := s.aligned(buffer, offset, to)
		if err != nil {
			return s.fail(r, errIO, err.Error())
		}
		if err := s.portion(r, offset, content); err != nil {
			return err
		}
		offset = to
	}
	return s.chunk(r, chunkDone, chunkNone)
}

// portion sends what was read; of zeros only where they are: most of a large disk never held anything.
func (s *Server) portion(r request, offset int64, content []byte) error {
	if bytes.Equal(content, noBytes[:len(content)]) {
		return s.chunk(r, 0, chunkHole, packed(uint64(offset), uint32(len(content))))
	}
	return s.chunk(r, 0, chunkData, packed(uint64(offset)), content)
}

var noBytes [chunkBytes]byte

// aligned reads a range that may begin and end anywhere.
func (s *Server) aligned(buffer []byte, from, to int64) ([]byte, error) {
	first := from / alignment * alignment
	last := (to + alignment - 1) / alignment * alignment
	if last > s.size {
		last = s.size
	}
	if err := s.disk.Read(buffer[:last-first], first); err != nil {
		return nil, err
	}
	return buffer[from-first : to-first], nil
}
