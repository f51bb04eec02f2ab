// Package hooks asks the owner's programs to bring applications to rest before an instant, and lets them go on after it.
//
//	hooks  the executables of a folder: `freeze` in order, `thaw` in reverse
//	run    one of them, with a deadline and bounded words
package hooks
