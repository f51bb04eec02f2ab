package marks

import "math/bits"

// BlockBytes is what one mark stands for, and what one digest covers.
const BlockBytes = 64 << 10

// Blocks says how many blocks a disk of that size has; the last one may be short.
func Blocks(sizeBytes int64) int { return int((sizeBytes + BlockBytes - 1) / BlockBytes) }

// Set is a set of blocks of one disk.
type Set struct {
	words  []uint64
	blocks int
}

// NewSet returns an empty set for a disk with that many blocks.
func NewSet(blocks int) *Set { return &Set{make([]uint64, (blocks+63)/64), blocks} }

// Resized is the same set for a disk that now has that many blocks.
func (s *Set) Resized(blocks int) *Set {
	resized := NewSet(blocks)
	for block := s.Next(0); block >= 0 && block < blocks; block = s.Next(block + 1) {
		resized.Add(block, block)
	}
	return resized
}

// Blocks says how many blocks the disk has.
func (s *Set) Blocks() int { return s.blocks }

// Add marks the blocks from first to last, as far as the disk has them.
func (s *Set) Add(first, last int) {
	if last >= s.blocks {
		last = s.blocks - 1
	}
	for at := first; at <= last; at++ {
		s.words[at/64] |= 1 << (at % 64)
	}
}

// Has tells whether a block is marked.
func (s *Set) Has(block int) bool { return s.words[block/64]&(1<<(block%64)) != 0 }

// Merge adds all blocks of another set of the same disk.
func (s *Set) Merge(other *Set) {
	for at, word := range other.words {
		s.words[at] |= word
	}
}

// Count says how many blocks are marked.
func (s *Set) Count() int {
	count := 0
	for _, word := range s.words {
		count += bits.OnesCount64(word)
	}
	return count
}

// Run returns the next blocks from `from` on that are alike: whether they are marked, and the first block after them.
func (s *Set) Run(from int) (marked bool, end int) {
	marked = s.Has(from)
	for end = from + 1; end < s.blocks; end++ {
		if end%64 == 0 && s.words[end/64] == uniform(marked) {
			end += 63
			continue
		}
		if s.Has(end) != marked {
			break
		}
	}
	if end > s.blocks {
		end = s.blocks
	}
	return marked, end
}

func uniform(marked bool) uint64 {
	if marked {
		return ^uint64(0)
	}
	return 0
}

// Next returns the first marked block from `from` on, or -1.
func (s *Set) Next(from int) int {
	if from >= s.blocks {
		return -1
	}
	if marked, end := s.Run(from); marked {
		return from
	} else if end < s.blocks {
		return end
	}
	return -1
}

// Rank says how many blocks before this one are marked.
func (s *Set) Rank(block int) int {
	rank := bits.OnesCount64(s.words[block/64] & (1<<(block%64) - 1))
	for _, word := range s.words[:block/64] {
		rank += bits.OnesCount64(word)
	}
	return rank
}
