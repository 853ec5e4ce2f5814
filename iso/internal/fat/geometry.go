package fat

import "fmt"

const (
	sectorSize = 512
	entrySize  = 32

	// What tells FAT12 from FAT16 is the number of clusters and nothing else
	// (Microsoft FAT specification 1.03, "FAT Type Determination").
	maxClusters12 = 4084
	maxClusters16 = 65524

	// DefaultSize is a 3.5-inch high-density floppy of 1.44 MB.
	DefaultSize = 1440 << 10

	minSize = 160 << 10
	// maxSize keeps 64 sectors a cluster, the most that every reader takes,
	// within the clusters of FAT16.
	maxSize = 2047 << 20
)

// geometry is the layout of a volume, in sectors unless it says otherwise.
type geometry struct {
	sectors     uint32
	perCluster  uint32
	rootEntries uint32
	perFAT      uint32
	media       byte
	perTrack    uint16
	heads       uint16
}

// floppies are the formats that drives know (specification, appendix "Floppy
// format"): 720 kB, 1.2 MB, 1.44 MB and 2.88 MB.
func floppies() []geometry {
	return []geometry{
		{sectors: 1440, perCluster: 2, rootEntries: 112, perFAT: 3, media: 0xF9, perTrack: 9, heads: 2},
		{sectors: 2400, perCluster: 1, rootEntries: 224, perFAT: 7, media: 0xF9, perTrack: 15, heads: 2},
		{sectors: 2880, perCluster: 1, rootEntries: 224, perFAT: 9, media: 0xF0, perTrack: 18, heads: 2},
		{sectors: 5760, perCluster: 2, rootEntries: 240, perFAT: 9, media: 0xF0, perTrack: 36, heads: 2},
	}
}

// CheckSize says what sizes a volume can have if it cannot have this one. Zero
// means DefaultSize.
func CheckSize(size int64) error {
	if size != 0 && (size < minSize || size > maxSize || size%sectorSize != 0) {
		return fmt.Errorf("use a multiple of %d from %d to %d, or 0 for %d", sectorSize, minSize, int64(maxSize), DefaultSize)
	}
	return nil
}

// geometryFor returns the layout of a volume of size bytes: that of a floppy
// of this size, or that of a disk without partitions.
func geometryFor(size int64) (geometry, error) {
	if err := CheckSize(size); err != nil {
		return geometry{}, fmt.Errorf("size %d: %w", size, err)
	}
	if size == 0 {
		size = DefaultSize
	}
	sectors := uint32(size / sectorSize)
	for _, g := range floppies() {
		if g.sectors == sectors {
			return g, nil
		}
	}
	return disk(sectors), nil
}

// disk lays out a volume with the smallest clusters that FAT16 can number.
func disk(sectors uint32) geometry {
	g := geometry{sectors: sectors, perCluster: 1, rootEntries: 512, media: 0xF8, perTrack: 63, heads: 255}
	for {
		g.perFAT = 1
		for g.perFAT*sectorSize < g.tableBytes() {
			g.perFAT++
		}
		if g.clusters() <= maxClusters16 {
			return g
		}
		g.perCluster *= 2
	}
}

// rootSectors is the length of the root directory.
func (g geometry) rootSectors() uint32 { return g.rootEntries * entrySize / sectorSize }

// dataStart is the first sector of cluster 2, the first one: after the boot
// sector, two tables and the root directory.
func (g geometry) dataStart() uint32 { return 1 + 2*g.perFAT + g.rootSectors() }

func (g geometry) clusters() uint32 { return (g.sectors - g.dataStart()) / g.perCluster }

func (g geometry) clusterBytes() int64 { return int64(g.perCluster) * sectorSize }

func (g geometry) is12() bool { return g.clusters() <= maxClusters12 }

// tableBytes is what one allocation table needs: 12 or 16 bits a cluster and
// two clusters more, since they are numbered from 2.
func (g geometry) tableBytes() uint32 {
	n := g.clusters() + 2
	if g.is12() {
		return (n*3 + 1) / 2
	}
	return n * 2
}
