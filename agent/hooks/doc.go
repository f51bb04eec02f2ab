// Package hooks asks the owner's programs to bring applications to rest before an instant, and lets them go on after it.
//
//	hooks     the executables of a folder: `freeze` in order, `thaw` in reverse
//	keeper    the process that asks them, and outlives the agent
//	leftover  which were asked and did not go on yet, for whoever comes after both
//	run       one of them, with a deadline and bounded words
package hooks
