package nbd

import (
	"encoding/binary"
	"errors"

	"secondsite/agent/marks"
)

var errForeign = errors.New("the other side does not speak NBD")

// shakeHands answers options until the reader has chosen a disk; false if it left.
func (s *Server) shakeHands() (bool, error) {
	if err := s.write(uint64(greeting), uint64(optionMagic), uint16(fixedNewstyle|noZeroes)); err != nil {
		return false, err
	}
	if _, err := s.read(4, optionPatience); err != nil {
		return false, err
	}
	for {
		head, err := s.read(16, optionPatience)
		if err != nil {
			return false, err
		}
		length := binary.BigEndian.Uint32(head[12:])
		if binary.BigEndian.Uint64(head) != optionMagic || length > mostOption {
			return false, errForeign
		}
		data, err := s.read(int(length), optionPatience)
		if err != nil {
			return false, err
		}
		option := binary.BigEndian.Uint32(head[8:])
		ready, err := s.option(option, data)
		if ready || err != nil || option == optAbort {
			return ready, err
		}
	}
}

func (s *Server) option(option uint32, data []byte) (ready bool, err error) {
	switch option {
	case optStructured:
		s.structured = true
		return false, s.reply(option, repAck, nil)
	case optAbort:
		return false, s.reply(option, repAck, nil)
	case optList:
		return false, s.list()
	case optSetMeta, optListMeta:
		return false, s.metaContexts(option, data)
	case optInfo, optGo:
		return s.choose(option, data)
	}
	return false, s.refuse(option, repUnsupported, "this option is not known here")
}

func (s *Server) reply(option, kind uint32, data []byte) error {
	return s.write(uint64(optionReply), option, kind, uint32(len(data)), data)
}

func (s *Server) refuse(option, kind uint32, why string) error {
	return s.reply(option, kind, []byte(why))
}

func (s *Server) list() error {
	for _, key := range s.offer.Keys() {
		if err := s.reply(optList, repServer, packed(uint32(len(key)), key)); err != nil {
			return err
		}
	}
	return s.reply(optList, repAck, nil)
}

// choose answers what is to be known of a disk; with optGo the reader takes it.
func (s *Server) choose(option uint32, data []byte) (bool, error) {
	key, _, ok := text(data)
	if !ok {
		return false, s.refuse(option, repInvalid, "the option has no name")
	}
	disk, err := s.offer.Choose(key)
	switch {
	case err != nil:
		return false, s.refuse(option, repUnknown, err.Error())
	case !s.structured:
		return false, s.refuse(option, repPolicy, "only structured replies are given here")
	}
	if option == optGo {
		if err := s.claim(disk); err != nil {
			return false, s.refuse(option, repPolicy, err.Error())
		}
	}
	if s.contextsOf != key {
		s.chosen = nil
	}
	export := packed(uint16(infoExport), uint64(disk.Size()), abilities(disk))
	blocks := packed(uint16(infoBlockSize), uint32(1), uint32(marks.BlockBytes), uint32(mostBytes))
	for _, info := range [][]byte{export, blocks} {
		if err := s.reply(option, repInfo, info); err != nil {
			return false, err
		}
	}
	return option == optGo, s.reply(option, repAck, nil)
}

// claim takes the disk for this connection.
func (s *Server) claim(disk Disk) error {
	if writable, ok := disk.(Writable); ok {
		if err := writable.Claim(); err != nil {
			return err
		}
		s.writable = writable
	}
	s.disk, s.size = disk, disk.Size()
	return nil
}

func abilities(disk Disk) uint16 {
	if _, ok := disk.(Writable); ok {
		return hasFlags | sendsFlush | sendsFUA | sendsTrim | sendsZeroes | multipleConnections
	}
	return hasFlags | readOnly | multipleConnections
}

// text takes a string with its length off the front.
func text(data []byte) (found string, rest []byte, ok bool) {
	if len(data) < 4 {
		return "", nil, false
	}
	length := int(binary.BigEndian.Uint32(data))
	if length > len(data)-4 || length < 0 {
		return "", nil, false
	}
	return string(data[4 : 4+length]), data[4+length:], true
}

func (s *Server) metaContexts(option uint32, data []byte) error {
	key, rest, ok := text(data)
	queries, valid := texts(rest)
	disk, err := s.offer.Choose(key)
	switch {
	case !ok || !valid:
		return s.refuse(option, repInvalid, "the option is cut off")
	case err != nil:
		return s.refuse(option, repUnknown, err.Error())
	}
	found := matching(disk, queries)
	if option == optSetMeta {
		s.chosen, s.contextsOf = found, key
	}
	for at, each := range found {
		if err := s.reply(option, repMeta, packed(uint32(at), each.name)); err != nil {
			return err
		}
	}
	return s.reply(option, repAck, nil)
}

func texts(data []byte) (found []string, ok bool) {
	if len(data) < 4 {
		return nil, false
	}
	count := binary.BigEndian.Uint32(data)
	if count > mostQueries {
		return nil, false
	}
	data = data[4:]
	for ; count > 0; count-- {
		var each string
		if each, data, ok = text(data); !ok {
			return nil, false
		}
		found = append(found, each)
	}
	return found, true
}
