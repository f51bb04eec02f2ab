package upgrading

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

const (
	mostBytes   = 64 << 20
	largestPart = 768 << 10
	leftBytes   = 16 << 20
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
	// Trial is how long a new program has to connect.
	Trial time.Duration
	// Services is the service manager, where one starts this program.
	Services Services
}

// Services is what a service manager does for an upgrade.
type Services interface {
	// Renew has it know what a program that stays wants of it.
	Renew() error
	// StandBy has it run this command now, and at each start of the agent's service.
	StandBy(command []string) error
	// StandDown ends that for later starts; harmless if nothing is there.
	StandDown() error
	// StartAgain restarts the agent, unless somebody has stopped it.
	StartAgain() error
}

func (u Upgrader) next() string   { return u.Program + ".next" }
func (u Upgrader) former() string { return u.Program + ".former" }

// Take keeps a piece. Once all are there the program takes this one's place at the next start, and `whole` is true.
func (u Upgrader) Take(piece Piece) (whole bool, err error) {
	if err := piece.check(); err != nil {
		return false, err
	}
	if err := u.keep(piece); err != nil {
		os.Remove(u.next())
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

// requireRoom leaves the machine what it needs itself: an upgrade filled its disk, with what is kept for root.
func requireRoom(folder string, bytes int64) error {
	var room syscall.Statfs_t
	if err := syscall.Statfs(folder, &room); err != nil {
		return fmt.Errorf("the room in %s is not known: %w", folder, err)
	}
	if free := int64(room.Bavail) * room.Bsize; free < bytes+leftBytes {
		return fmt.Errorf("%s has %d MiB free, and the program needs %d MiB and leaves %d MiB: free some", folder,
			free>>20, (bytes+1<<20-1)>>20, leftBytes>>20)
	}
	return nil
}

func (u Upgrader) keep(piece Piece) error {
	how := os.O_WRONLY | os.O_CREATE
	if piece.At == 0 {
		if err := requireRoom(filepath.Dir(u.Program), piece.Size); err != nil {
			return err
		}
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
