package tracking

// #cgo LDFLAGS: -l:libbpf.a -l:libelf.a -l:libz.a
// #include <stdarg.h>
// #include <stdio.h>
// #include <stdlib.h>
// #include <string.h>
// #include <bpf/libbpf.h>
// static char said[4096];
// static int keep(enum libbpf_print_level level, const char *format, va_list words) {
//     size_t length = strlen(said);
//     if (level == LIBBPF_WARN && length < sizeof said - 1) vsnprintf(said + length, sizeof said - length, format, words);
//     return 0;
// }
// static const char *last_words(void) { return said; }
// static void listen(void) { said[0] = 0; libbpf_set_print(keep); }
import "C"

import (
	_ "embed"
	"fmt"
	"strings"
	"unsafe"
)

//go:embed track.bpf.o
var object []byte

const copies = 3

// loaded is what libbpf holds: the programs run as long as it is open.
type loaded struct {
	object   *C.struct_bpf_object
	links    []*C.struct_bpf_link
	programs []int
}

// load puts the programs into the kernel; `words` is the size of both slots, in words of eight bytes.
func load(words uint64) (*loaded, error) {
	C.listen()
	image := C.CBytes(object)
	defer C.free(image)
	l := &loaded{object: C.bpf_object__open_mem(image, C.size_t(len(object)), nil)}
	if l.object == nil {
		return nil, l.failed("the programs cannot be read")
	}
	if C.bpf_map__set_max_entries(l.find("seen"), C.__u32(words)) != 0 || C.bpf_object__load(l.object) != 0 {
		defer l.close()
		return nil, l.failed("the kernel refused the programs")
	}
	return l, l.attach()
}

func (l *loaded) attach() error {
	for copy := 0; copy < copies; copy++ {
		name := C.CString(fmt.Sprintf("completed%d", copy))
		program := C.bpf_object__find_program_by_name(l.object, name)
		C.free(unsafe.Pointer(name))
		link := C.bpf_program__attach(program)
		if link == nil {
			defer l.close()
			return l.failed("the kernel did not attach a program")
		}
		l.links = append(l.links, link)
		l.programs = append(l.programs, int(C.bpf_program__fd(program)))
	}
	return nil
}

// failed says what libbpf said, on one line.
func (l *loaded) failed(what string) error {
	words := strings.Fields(C.GoString(C.last_words()))
	return fmt.Errorf("%s: %s", what, strings.Join(words, " "))
}

func (l *loaded) find(name string) *C.struct_bpf_map {
	word := C.CString(name)
	defer C.free(unsafe.Pointer(word))
	return C.bpf_object__find_map_by_name(l.object, word)
}

// close takes the programs out of the kernel.
func (l *loaded) close() {
	for _, link := range l.links {
		C.bpf_link__destroy(link)
	}
	C.bpf_object__close(l.object)
}
