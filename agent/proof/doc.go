// Package proof judges whether an instant that was read is what the disks held then. It decides from numbers alone.
//
//	evidence  what is known at the two ends of the time between two instants
//	judge     the verdict
package proof
