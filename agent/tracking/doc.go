// Package tracking knows which parts of the disks were written: programs in the kernel mark them as requests complete.
//
//	load     puts the programs into the kernel, by libbpf
//	map      the tables that programs and agent share
//	tracker  the running programs and what they mark
//	take     what was marked since the last time
//	count    what they counted, and what the kernel counted itself
package tracking
