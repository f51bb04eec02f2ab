package nbd

import (
	"secondsite/agent/marks"
	"secondsite/agent/views"
)

const (
	allocation   = "base:allocation"
	bitmap       = "qemu:dirty-bitmap:"
	flagDirty    = 1
	flagHoleZero = 3
	mostExtents  = 8192
)

// context says something of blocks: from a block on, the flags of it and of the like ones after it.
type context struct {
	name string
	run  func(block, end int) (flags uint32, until int)
}

// matching are the contexts that the queries ask for; all without a query.
func matching(disk Disk, queries []string) (found []context) {
	told, ok := disk.(described)
	if !ok {
		return nil
	}
	for _, each := range told.contexts() {
		if len(queries) == 0 || asked(queries, each.name) {
			found = append(found, each)
		}
	}
	return found
}

func asked(queries []string, name string) bool {
	for _, query := range queries {
		if query == name {
			return true
		}
	}
	return false
}

func contextsOf(view *views.View, disk int) []context {
	return []context{
		{allocation, func(block, end int) (uint32, int) { return allocated(view, disk, block, end) }},
		{bitmap + view.Name, func(block, _ int) (uint32, int) { return dirty(view.Dirty[disk], block) }},
	}
}

func dirty(set *marks.Set, block int) (uint32, int) {
	marked, until := set.Run(block)
	if marked {
		return flagDirty, until
	}
	return 0, until
}

func allocated(view *views.View, disk, block, end int) (uint32, int) {
	marked, until := view.Dirty[disk].Run(block)
	if !marked {
		return 0, until
	}
	if until > end {
		until = end
	}
	zero, at := view.IsZero(disk, block), block+1
	for at < until && view.IsZero(disk, at) == zero {
		at++
	}
	if zero {
		return flagHoleZero, at
	}
	return 0, at
}

// extents describes a range as pairs of length and flags; at least one, and only one if asked so.
func (c context) extents(offset, length int64, one bool) []byte {
	var data []byte
	end := offset + length
	for count := 0; offset < end && count < mostExtents && !(one && count > 0); count++ {
		flags, until := c.run(int(offset/marks.BlockBytes), marks.Blocks(end))
		to := int64(until) * marks.BlockBytes
		if to > end {
			to = end
		}
		data = append(data, packed(uint32(to-offset), flags)...)
		offset = to
	}
	return data
}
