// Package rescue offers the disks of a machine that runs no system of its own, to be written from elsewhere.
//
//	machine  the disks that are offered, and who writes
//	disk     one of them
//	edges    writes that begin or end within a sector
//	zeros    ranges of zeros
//	refuse   why a disk is not offered
//	unknown  content that nothing is known of
//	uses     what the kernel has of a disk
//	answers  what may be asked
//	ending   restart and power-off
//	lines    what people are told
package rescue
