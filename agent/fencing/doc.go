// Package fencing keeps a machine that was failed over from working when somebody switches it on.
//
//	fence    whether this boot is closed, opened by a person or by the appliance
//	told     what people at the machine are told
//	systemd  the targets that a boot leads to
package fencing
