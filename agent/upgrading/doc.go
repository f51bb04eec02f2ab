// Package upgrading replaces this program by one that the appliance hands over, and goes back if that does not connect.
//
//	piece    the program comes in pieces, and lies beside this one
//	switch   it is checked, and takes this one's place at the next start
//	note     what is remembered of that, and whether this program is on trial
//	trial    until it has connected, the former one waits to be put back
package upgrading
