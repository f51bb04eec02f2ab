// Package upgrading replaces this program by one that the appliance hands over, and goes back if that does not connect.
//
//	piece    the program comes in pieces, and lies beside this one
//	switch   it is checked, and takes this one's place at the next start
//	trial    until it has connected, somebody waits to put the former one back
package upgrading
