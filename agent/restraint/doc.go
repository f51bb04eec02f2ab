// Package restraint keeps this program from disturbing its machine.
//
//	memory    how much it takes, and what stays in memory
//	priority  work that has time
//	rate      so many bytes a second at most
package restraint
