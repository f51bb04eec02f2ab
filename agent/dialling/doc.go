// Package dialling keeps this machine connected to its appliance, for ever: it opens no port itself.
//
//	dialler  who is served, and to whom this machine is connected
//	caller   dials again and again, with pauses that grow
//	backoff  how long the next pause is
//	control  the control connection: questions come, answers go in any order
//	keeping  questions that have this machine write something down
//	readers  connections that the appliance asks for, to read the disks
//	fence    whether this machine may work, asked at its boot
//	hello    what this machine tells of itself when it comes
package dialling
