package nbd

// receive writes what a request brings, in portions. What cannot be written is read all the same: the next request
// begins behind it.
func (s *Server) receive(r request, buffer []byte, within bool) error {
	if r.length > mostBytes {
		return errForeign
	}
	if !within || r.length == 0 || s.writable == nil {
		if err := s.skip(int64(r.length), buffer); err != nil {
			return err
		}
		return s.misplaced(r, within)
	}
	var failed error
	offset, end := int64(r.offset), int64(r.offset)+int64(r.length)
	for offset < end {
		to := portionEnd(offset, end)
		// The memory lies within its page as the place lies on the disk, so that a write goes there directly.
		data := buffer[offset%alignment:][:to-offset]
		if err := s.fill(data); err != nil {
			return err
		}
		if failed == nil {
			failed = s.writable.Write(data, offset)
		}
		offset = to
	}
	return s.durable(r, failed)
}

func (s *Server) misplaced(r request, within bool) error {
	switch {
	case s.writable == nil:
		return s.fail(r, errPermission, "this disk is only read")
	case !within:
		return s.fail(r, errSpace, "the range is not within the disk")
	}
	return s.fail(r, errInvalid, "there is nothing to be written")
}

// portionEnd is where the portion from there ends: all but the last end at multiples of their size.
func portionEnd(offset, end int64) int64 {
	if to := offset/chunkBytes*chunkBytes + chunkBytes; to < end {
		return to
	}
	return end
}

func (s *Server) skip(length int64, buffer []byte) error {
	for length > 0 {
		part := buffer
		if length < int64(len(part)) {
			part = part[:length]
		}
		if err := s.fill(part); err != nil {
			return err
		}
		length -= int64(len(part))
	}
	return nil
}

// zero makes zeros of what is to be trimmed too. QEMU's FUSE exports before 9.0 punch holes by a trim, and say that
// the range reads as zeros: a trim that kept the old content was a block of another time in a machine that came home.
func (s *Server) zero(r request) error {
	free := r.kind == cmdTrim || r.flags&flagNoHole == 0
	return s.durable(r, s.writable.Zero(int64(r.offset), int64(r.length), free))
}

// durable ends a request that wrote: with the flag for it once the disk has it for good.
func (s *Server) durable(r request, failed error) error {
	if failed == nil && r.flags&flagFUA != 0 {
		failed = s.writable.Flush()
	}
	return s.done(r, failed)
}

func (s *Server) done(r request, failed error) error {
	if failed != nil {
		return s.fail(r, errIO, failed.Error())
	}
	return s.chunk(r, chunkDone, chunkNone)
}
