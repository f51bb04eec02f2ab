// Package machine tells what this machine is, so that it can be made elsewhere from hardware that it already drives, and
// what its operator should know before the hour of need. What cannot be read is unknown: nothing is guessed.
//
//	machine     all of it
//	firmware    BIOS or UEFI, and what lies in the EFI system partition
//	size        processors and memory
//	mounts      mounted file systems
//	root        the root file system, its layers, and what opens its encryption
//	fstab       file systems that are mounted by names that will change
//	kernels     installed kernels, and where their drivers lie
//	defaults    the kernel that the boot loader starts
//	initramfs   the modules in an initramfs
//	unpacking   by this machine's own programs, within their time
//	cards       network cards and their addresses
//	configured  the files that configure cards
//	looks       SSH, firewall, room, restarts, the clock
//	firewall    whether a port is let in
//	files       reading, bounded
package machine
