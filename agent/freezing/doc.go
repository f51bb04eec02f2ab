// Package freezing stops the file systems of this machine for an instant, and makes sure that they go on.
//
//	filesystems  which file systems are written on the disks
//	freeze       stops and resumes them
//	watchdog     the process that resumes them if nobody else does
//	keeper       what the agent knows of its watchdog
//	leftover     a freeze that outlived both
package freezing
