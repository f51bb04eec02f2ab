// Package serving speaks with the appliance over any stream of bytes.
//
//	listen   streams that come in at a socket
//	control  the conversation: one line of JSON asks, one answers
//	subject  what is spoken about
//	verbs    what may be asked of a machine that is followed
package serving
