package upgrading

import (
	"fmt"
	"os"
)

const (
	mostBytes   = 64 << 20
	largestPart = 768 << 10
)

// Piece is a part of a program of Size bytes, from At on.
type Piece struct {
	At      int64  `json:"at"`
	Size    int64  `json:"size"`
	SHA256  string `json:"sha256"`
	Version string `json:"version"`
	Data    []byte `json:"data"`
}

func (p Piece) check() error {
	length := int64(len(p.Data))
	if length == 0 || length > largestPart || p.At < 0 || p.Size > mostBytes || p.At > p.Size-length {
		return fmt.Errorf("that is no part of a program of at most %d MiB", mostBytes>>20)
	}
	return nil
}

// Upgrader replaces the program at this path; what it must remember lies in the folder State.
type Upgrader struct {
	Program string
	State   string
	// Version is of the program that runs.
	Version string
	// Settle has the service manager know what a program that stays wants of it.
	Settle func() error
}

func (u Upgrader) next() string   { return u.Program + ".next" }
func (u Upgrader) former() string { return u.Program + ".former" }

// Take keeps a piece. Once all are there the program takes this one's place at the next start, and `whole` is true.
func (u Upgrader) Take(piece Piece) (whole bool, err error) {
	if err := piece.check(); err != nil {
		return false, err
	}
	if err := u.keep(piece); err != nil {
		return false, err
	}
	if piece.At+int64(len(piece.Data)) < piece.Size {
		return false, nil
	}
	if err := u.replace(piece); err != nil {
		os.Remove(u.next())
		return false, err
	}
	return true, nil
}

func (u Upgrader) keep(piece Piece) error {
	how := os.O_WRONLY | os.O_CREATE
	if piece.At == 0 {
		how |= os.O_TRUNC
	}
	file, err := os.OpenFile(u.next(), how, 0o700)
	if err != nil {
		return err
	}
	defer file.Close()
	if about, err := file.Stat(); err != nil || about.Size() != piece.At {
		return fmt.Errorf("a piece from byte %d on does not follow what is here: begin anew", piece.At)
	}
	if _, err := file.WriteAt(piece.Data, piece.At); err != nil {
		return fmt.Errorf("%s cannot be written: %w", u.next(), err)
	}
	return file.Sync()
}
