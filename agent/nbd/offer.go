package nbd

// Offer is what a connection may choose from.
type Offer interface {
	// Keys are the names of the disks.
	Keys() []string
	// Choose gives a disk, or the reason why it cannot be had.
	Choose(key string) (Disk, error)
}

// Disk is read past the page cache: buffers and places are multiples of its alignment.
type Disk interface {
	Size() int64
	Read(into []byte, offset int64) error
}

// Writable is a disk that may be written as well, by several connections at once, at any place.
type Writable interface {
	Disk
	// Claim begins the writing of one connection, or says why not; Release ends it.
	Claim() error
	Release()
	Write(data []byte, offset int64) error
	// Zero makes a range zeros; with `free` the disk may let go of the place as well.
	Zero(offset, length int64, free bool) error
	Flush() error
}

// described is a disk that says something of its blocks.
type described interface {
	contexts() []context
}
