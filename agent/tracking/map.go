package tracking

// #include <bpf/bpf.h>
// #include <bpf/libbpf.h>
import "C"

import (
	"fmt"
	"syscall"
	"unsafe"
)

// table is a map of the kernel.
type table struct {
	name string
	file int
}

func (l *loaded) table(name string) table { return table{name, int(C.bpf_map__fd(l.find(name)))} }

func (t table) put(key, value unsafe.Pointer) error {
	if _, err := C.bpf_map_update_elem(C.int(t.file), key, value, 0); err != nil {
		return fmt.Errorf("the table of %s takes nothing: %w", t.name, err)
	}
	return nil
}

func (t table) get(key, value unsafe.Pointer) error {
	if _, err := C.bpf_map_lookup_elem(C.int(t.file), key, value); err != nil {
		return fmt.Errorf("the table of %s cannot be read: %w", t.name, err)
	}
	return nil
}

func (t table) mapped(length int) ([]byte, error) {
	return syscall.Mmap(t.file, 0, length, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
}
