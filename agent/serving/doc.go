// Package serving speaks with the appliance over any stream of bytes.
//
//	listen   streams that come in at a socket
//	control  the conversation: one line of JSON asks, one answers
//	verbs    what may be asked
package serving
