// Package enrolling makes this machine known to its appliance, and keeps what that gave.
//
//	key       the registration key that a person carries here
//	state     the folder: key, certificate, CA, addresses
//	trust     the appliance is known by its CA alone
//	troubles  what went wrong on the way, in words that say what to do
//	batch     records of one write go to the kernel together
//	enroll    the conversation by which a machine comes in
//	reached   where the name of the appliance led last
//	elsewhere whom this machine calls as well, once it was started at another site
//	renew     a new key and certificate while the old one is valid
package enrolling
