package machine

import (
	"bufio"
	"compress/bzip2"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"
)

const (
	mostUnpacked = 2 << 30
	mostNames    = 200_000
	longestName  = 4096
)

// packed is what was read of an initramfs.
type packed struct {
	path, unread string
	mark         string
	modules      map[string]bool
	at           time.Time
}

// again is when one is tried anew that could not be read: the machine may have been too busy.
const again = 15 * time.Minute

func (p *packed) isFresh(mark string) bool {
	return p != nil && p.mark == mark && (p.unread == "" || time.Since(p.at) < again)
}

// initramfs reads that of a kernel, unless it is the same file as before.
func (t *Teller) initramfs(release string) *packed {
	path := t.Root.initramfsOf(release)
	mark := t.Root.mark(path)
	if known := t.read[path]; known.isFresh(mark) {
		return known
	}
	found := &packed{path: path, mark: mark, at: time.Now()}
	if path != "" {
		var err error
		if found.modules, err = t.modulesOf(path); err != nil {
			found.unread, found.modules = reason(err), nil
		}
	}
	if t.read == nil || len(t.read) > 2*mostKernels {
		t.read = map[string]*packed{}
	}
	t.read[path] = found
	return found
}

func reason(err error) string {
	text := strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, err.Error())
	if len(text) > 250 {
		return text[:250]
	}
	return text
}

// mark changes when the file does.
func (r Root) mark(path string) string {
	stat, err := os.Stat(r.path(within(path)))
	if path == "" || err != nil {
		return ""
	}
	return fmt.Sprintf("%d %d", stat.Size(), stat.ModTime().UnixNano())
}

func (t *Teller) modulesOf(path string) (map[string]bool, error) {
	file, err := os.Open(t.Root.path(within(path)))
	if err != nil {
		return nil, err
	}
	defer file.Close()
	found := map[string]bool{}
	return found, t.archives(bufio.NewReaderSize(file, 1<<16), found)
}

// archives reads one archive after another: those of microcode and of what is packed already lie plain before the main
// one, which is packed and the last.
func (t *Teller) archives(in *bufio.Reader, found map[string]bool) error {
	for {
		head, err := in.Peek(6)
		switch {
		case err == io.EOF && len(head) == 0:
			return nil
		case err == nil && isArchive(head):
			if err := readArchive(in, found); err != nil {
				return err
			}
		case len(head) > 0 && head[0] == 0:
			in.Discard(1)
		default:
			return t.main(in, found)
		}
	}
}

func (t *Teller) main(in *bufio.Reader, found map[string]bool) error {
	head, _ := in.Peek(6)
	unpacked, end, err := t.unpack(string(head), in)
	if err != nil {
		return err
	}
	defer end()
	content := bufio.NewReaderSize(io.LimitReader(unpacked, mostUnpacked), 1<<16)
	head, err = content.Peek(6)
	if err != nil || !isArchive(head) {
		return fmt.Errorf("what it holds is no archive of files")
	}
	return readArchive(content, found)
}

func (t *Teller) unpack(head string, in io.Reader) (io.Reader, func(), error) {
	for magic, program := range map[string][]string{
		"\x28\xb5\x2f\xfd": {"zstd", "-dcq"}, "\xfd7zXZ": {"xz", "-dcq"}, "\x02\x21\x4c\x18": {"lz4", "-dcq"},
		"\x04\x22\x4d\x18": {"lz4", "-dcq"}, "\x5d\x00\x00": {"xz", "--format=lzma", "-dcq"},
	} {
		if strings.HasPrefix(head, magic) {
			if t.Run == nil {
				return nil, nil, fmt.Errorf("%s is not here, which packed it", program[0])
			}
			return t.Run(in, program...)
		}
	}
	switch {
	case strings.HasPrefix(head, "\x1f\x8b"):
		unpacked, err := gzip.NewReader(in)
		return unpacked, func() {}, err
	case strings.HasPrefix(head, "BZh"):
		return bzip2.NewReader(in), func() {}, nil
	}
	return nil, nil, fmt.Errorf("how it is packed is not known: it begins with %x", head)
}

func isArchive(head []byte) bool { return string(head) == "070701" || string(head) == "070702" }

// readArchive reads a cpio of the new kind up to its end, and notes which modules are in it.
func readArchive(in *bufio.Reader, found map[string]bool) error {
	for count := 0; count < mostNames; count++ {
		name, size, err := readHeader(in)
		if err != nil {
			return fmt.Errorf("its archive is damaged: %w", err)
		}
		if name == "TRAILER!!!" {
			return nil
		}
		if module := moduleName(name); module != "" {
			found[module] = true
		}
		if _, err := io.CopyN(io.Discard, in, size+padding(size)); err != nil {
			return fmt.Errorf("its archive ends too early: %w", err)
		}
	}
	return fmt.Errorf("it has more than %d files", mostNames)
}

const headerBytes = 110

func readHeader(in *bufio.Reader) (name string, size int64, err error) {
	head := make([]byte, headerBytes)
	if _, err := io.ReadFull(in, head); err != nil {
		return "", 0, err
	}
	if !isArchive(head[:6]) {
		return "", 0, fmt.Errorf("no file begins where one should")
	}
	size, err = strconv.ParseInt(string(head[54:62]), 16, 64)
	if err != nil {
		return "", 0, err
	}
	length, err := strconv.ParseInt(string(head[94:102]), 16, 64)
	if err != nil || length < 1 || length > longestName {
		return "", 0, fmt.Errorf("a name is %d bytes long", length)
	}
	text := make([]byte, length+padding(headerBytes+length))
	if _, err := io.ReadFull(in, text); err != nil {
		return "", 0, err
	}
	return string(text[:length-1]), size, nil
}

func padding(length int64) int64 { return -length & 3 }
