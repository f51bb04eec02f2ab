package machine

import (
	"io"
	"os"
	"path/filepath"
	"strings"
)

const (
	mostText    = 4 << 20
	mostEntries = 4096
)

// Root is the folder that this machine's files lie in: `/` but in tests.
type Root string

func (r Root) path(parts ...string) string {
	return filepath.Join(append([]string{string(r)}, parts...)...)
}

// text is a file's content as far as it is of use; empty if it cannot be read.
func (r Root) text(parts ...string) string {
	file, err := os.Open(r.path(parts...))
	if err != nil {
		return ""
	}
	defer file.Close()
	content, _ := io.ReadAll(io.LimitReader(file, mostText))
	return string(content)
}

func (r Root) word(parts ...string) string {
	return strings.TrimSpace(strings.ReplaceAll(r.text(parts...), "\x00", ""))
}

func (r Root) lines(parts ...string) []string {
	return strings.Split(r.text(parts...), "\n")
}

func (r Root) exists(parts ...string) bool {
	_, err := os.Stat(r.path(parts...))
	return err == nil
}

// list is the names in a folder, in their order.
func (r Root) list(parts ...string) []string {
	entries, _ := os.ReadDir(r.path(parts...))
	var names []string
	for _, entry := range entries {
		if len(names) < mostEntries {
			names = append(names, entry.Name())
		}
	}
	return names
}

// linked is the last part of what a link leads to; empty if there is none.
func (r Root) linked(parts ...string) string {
	to, err := os.Readlink(r.path(parts...))
	if err != nil {
		return ""
	}
	return filepath.Base(to)
}

// files are the paths, as this machine knows them, of the files in a folder that end so.
func (r Root) files(ending string, folder ...string) []string {
	var found []string
	for _, name := range r.list(folder...) {
		if strings.HasSuffix(name, ending) {
			found = append(found, "/"+filepath.Join(append(folder, name)...))
		}
	}
	return found
}

// plain takes out of a word what the other side would not take.
func plain(word string) string {
	kept := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', strings.ContainsRune("_.:+@-", r):
			return r
		}
		return '-'
	}, word)
	if len(kept) > 128 {
		return kept[:128]
	}
	return kept
}

func hasWord(words []string, wanted string) bool {
	for _, each := range words {
		if each == wanted {
			return true
		}
	}
	return false
}
