// Package views gives the disks of this machine to read: as they are, or as they were at one instant.
//
//	machine   the disks, what is known of their changes, and whether that is trusted
//	view      what a reader gets
//	live      marks first, then the disks as they are
//	frozen    the marked blocks of one instant
//	standing  file systems that stay frozen between two verbs
//	last      the last instant before the machine is switched off
//	rest      applications that rest at an instant
//	unwritten whether anything was written since an instant
//	window    the time between freeze and thaw
//	look      disks that come, go and grow
//	tracker   what follows writes, or that nothing does
//	evidence  what is counted, and when it can be compared
//	areas     what may change while file systems stand still
//	scan      a comparison with digests, by which marks become trusted
//	comparing blocks that differ from what is expected, and whether a mark covers them
//	reading   blocks, and their digests, unhurried
//	seams     where tests hold the agent, or end it
package views
