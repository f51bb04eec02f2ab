// Package marks holds which blocks of a disk were written.
//
//	set      the blocks of one disk
//	history  the sets of all disks since the one that was acknowledged
package marks
