// Package views gives the disks of this machine to read: as they are, or as they were at one instant.
//
//	machine   the disks, what is known of their changes, and whether that is trusted
//	view      what a reader gets
//	live      marks first, then the disks as they are
//	frozen    the marked blocks of one instant
//	window    the time between freeze and thaw
//	evidence  what is counted, and when it can be compared
//	areas     what may change while file systems stand still
//	scan      a comparison with digests, by which marks become trusted
//	seams     where tests hold the agent, or end it
package views
