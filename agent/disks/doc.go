// Package disks knows the disks of this machine: which there are, how each is known again, and what lies on it.
//
//	disk     one disk, open for reading
//	find     the disks of this machine
//	attached what a disk is attached by, and its serial number
//	key      by what a disk is known after the next boot
//	content  what lies on a disk, by the magic numbers of its first blocks
//	layers   which disks a device stands on
//	spans    where a device lies on the disks, and what md keeps there
//	mapping  what the device mapper maps
//	refuse   why a disk cannot be followed
//	sysfs    reading what the kernel says
package disks
