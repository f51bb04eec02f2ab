// Package services stops what works on this machine for a planned failover, and starts it again if that is given up.
//
//	services  stops and starts units of systemd, remembered until the next boot
//	keep      which units a machine needs while it waits to be switched off
//	farewell  the services and the power of this machine
//	systemctl asks systemd, with deadlines
package services
