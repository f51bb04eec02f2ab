package nbd

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"time"
)

const (
	greeting     = 0x4e42444d41474943
	optionMagic  = 0x49484156454F5054
	optionReply  = 0x3e889045565a9
	requestMagic = 0x25609513
	chunkMagic   = 0x668e33ef

	fixedNewstyle, noZeroes = 1, 2

	optAbort, optList, optInfo, optGo = 2, 3, 6, 7
	optStructured, optListMeta        = 8, 9
	optSetMeta                        = 10

	repAck, repServer, repInfo, repMeta = 1, 2, 3, 4
	repUnsupported, repPolicy           = 1<<31 + 1, 1<<31 + 2
	repInvalid, repUnknown              = 1<<31 + 3, 1<<31 + 6

	infoExport, infoBlockSize = 0, 3

	hasFlags, readOnly, multipleConnections      = 1, 2, 1 << 8
	sendsFlush, sendsFUA, sendsTrim, sendsZeroes = 1 << 2, 1 << 3, 1 << 5, 1 << 6

	cmdRead, cmdWrite, cmdDisconnect, cmdFlush = 0, 1, 2, 3
	cmdTrim, cmdZero, cmdStatus                = 4, 6, 7
	flagFUA, flagNoHole, flagOneExtent         = 1, 1 << 1, 1 << 3

	chunkDone                                                   = 1
	chunkNone, chunkData, chunkHole, chunkBlockStatus, chunkErr = 0, 1, 2, 5, 1<<15 + 1

	errPermission, errIO, errInvalid, errSpace = 1, 5, 22, 28

	mostOption  = 16 << 10
	mostQueries = 16
	mostBytes   = 32 << 20

	optionPatience  = 30 * time.Second
	requestPatience = time.Hour
	contentPatience = time.Minute
	replyPatience   = time.Minute
)

// Server serves one connection.
type Server struct {
	offer      Offer
	connection net.Conn
	structured bool
	chosen     []context
	contextsOf string
	// saying is used again: new memory for each answer had the collector take more than all else.
	saying []byte

	disk     Disk
	writable Writable
	size     int64
}

// Serve speaks with a reader or a writer until it leaves; the connection is closed then.
func Serve(offer Offer, connection net.Conn) error {
	defer connection.Close()
	s := &Server{offer: offer, connection: connection}
	ready, err := s.shakeHands()
	if s.writable != nil {
		defer s.writable.Release()
	}
	if err != nil || !ready {
		return err
	}
	return s.transmit()
}

func (s *Server) read(length int, patience time.Duration) ([]byte, error) {
	s.connection.SetReadDeadline(time.Now().Add(patience))
	data := make([]byte, length)
	_, err := io.ReadFull(s.connection, data)
	return data, err
}

// fill reads what belongs to a request that has begun.
func (s *Server) fill(data []byte) error {
	s.connection.SetReadDeadline(time.Now().Add(contentPatience))
	_, err := io.ReadFull(s.connection, data)
	return err
}

func (s *Server) write(parts ...interface{}) error {
	s.connection.SetWriteDeadline(time.Now().Add(replyPatience))
	s.saying = appended(s.saying[:0], parts...)
	_, err := s.connection.Write(s.saying)
	return err
}

// packed is the numbers and bytes one after the other, as they travel.
func packed(parts ...interface{}) []byte { return appended(nil, parts...) }

func appended(data []byte, parts ...interface{}) []byte {
	for _, part := range parts {
		switch value := part.(type) {
		case uint64:
			data = binary.BigEndian.AppendUint64(data, value)
		case uint32:
			data = binary.BigEndian.AppendUint32(data, value)
		case uint16:
			data = binary.BigEndian.AppendUint16(data, value)
		case []byte:
			data = append(data, value...)
		case string:
			data = append(data, value...)
		default:
			panic(fmt.Sprintf("%T does not travel", part))
		}
	}
	return data
}
