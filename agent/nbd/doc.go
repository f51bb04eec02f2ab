// Package nbd lets a view be read by the NBD protocol: newstyle, structured replies, read only.
//
//	protocol      the numbers of the protocol
//	handshake     options, until a disk is chosen
//	contexts      what is said of a disk's blocks
//	transmission  requests and replies
package nbd
