// Package installing makes this program a service of its machine, and takes it away again.
//
//	unit      what systemd is told, so that the agent never hurts its machine
//	fence    a boot that asks first whether the machine runs elsewhere
//	trial    who waits until a new version of it has connected
//	install  the program, the unit and its start; and how all of it goes
package installing
