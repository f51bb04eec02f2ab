package rescue

// What is written at once is no larger, and a sector at each end.
const edgeBytes = 256<<10 + 2*4096

// writeEdges writes a range that does not begin and end with sectors: it reads the sectors around it first.
func (d *Disk) writeEdges(data []byte, offset int64) error {
	d.whole.Lock()
	defer d.whole.Unlock()
	for len(data) > 0 {
		most := edgeBytes - 2*d.SectorBytes
		if most > int64(len(data)) {
			most = int64(len(data))
		}
		if err := d.writeBetween(data[:most], offset); err != nil {
			return err
		}
		data, offset = data[most:], offset+most
	}
	return nil
}

func (d *Disk) writeBetween(data []byte, offset int64) error {
	first := offset / d.SectorBytes * d.SectorBytes
	last := (offset + int64(len(data)) + d.SectorBytes - 1) / d.SectorBytes * d.SectorBytes
	sectors := d.edges[:last-first]
	if err := d.Read(sectors[:d.SectorBytes], first); err != nil {
		return err
	}
	if end := last - d.SectorBytes; end > first {
		if err := d.Read(sectors[end-first:], end); err != nil {
			return err
		}
	}
	copy(sectors[offset-first:], data)
	return d.put(sectors, first)
}
