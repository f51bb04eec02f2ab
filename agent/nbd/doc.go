// Package nbd lets disks be read and written by the NBD protocol: newstyle, structured replies.
//
//	protocol      the numbers of the protocol
//	offer         what a disk is to this package
//	viewed        disks of a view: only read, with what is known of their blocks
//	handshake     options, until a disk is chosen
//	contexts      what is said of a disk's blocks
//	transmission  requests and replies
//	writing       requests that change a disk
package nbd
