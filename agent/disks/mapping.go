package disks

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"strings"
	"syscall"
	"unsafe"
)

// target is a part of what the device mapper maps.
type target struct {
	sectors      int64
	kind, params string
}

// straight tells what a target maps to one to one.
func (t target) straight() (number string, offset int64, is bool) {
	words := strings.Fields(t.params)
	switch {
	case t.kind == "linear" && len(words) == 2:
		_, err := fmt.Sscan(words[1], &offset)
		return words[0], offset, err == nil
	case t.kind == "crypt" && len(words) >= 5:
		_, err := fmt.Sscan(words[4], &offset)
		return words[3], offset, err == nil
	}
	return "", 0, false
}

const (
	mapperStatus = 0xC138FD0C // DM_TABLE_STATUS
	askTable     = 1 << 4     // DM_STATUS_TABLE_FLAG
	mapperHead   = 312
	mapperBytes  = 64 << 10
	targetHead   = 40
	mostTargets  = 1024
)

var tableOfMapping = askMapper

// askMapper returns nothing where there is no such mapping, or no device mapper.
func askMapper(major, minor uint32) []target {
	control, err := os.OpenFile("/dev/mapper/control", os.O_RDWR, 0)
	if err != nil {
		return nil
	}
	defer control.Close()
	asked := make([]byte, mapperBytes)
	for at, word := range []uint32{4, 0, 0, mapperBytes, mapperHead, 0, 0, askTable} {
		binary.LittleEndian.PutUint32(asked[4*at:], word)
	}
	binary.LittleEndian.PutUint64(asked[40:], uint64(minor&0xff|major<<8|(minor&^0xff)<<12))
	_, _, failed := syscall.Syscall(syscall.SYS_IOCTL, control.Fd(), mapperStatus, uintptr(unsafe.Pointer(&asked[0])))
	if failed != 0 {
		return nil
	}
	return targets(asked[mapperHead:], binary.LittleEndian.Uint32(asked[20:]))
}

func targets(text []byte, count uint32) (all []target) {
	for at := uint32(0); count > 0 && len(all) < mostTargets && int(at)+targetHead <= len(text); count-- {
		head := text[at:]
		all = append(all, target{
			int64(binary.LittleEndian.Uint64(head[8:])), word(head[24:40]), word(head[targetHead:]),
		})
		at = binary.LittleEndian.Uint32(head[20:])
	}
	return all
}

func word(of []byte) string {
	text, _, _ := bytes.Cut(of, []byte{0})
	return string(text)
}
