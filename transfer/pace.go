package transfer

import (
	"sync"
	"time"

	"github.com/chferry/chferry/rowset"
	"github.com/chferry/chferry/source"
)

// pace is how many rows the readers of a batch ask for at once: all of a chunk until rows turn out to be large.
type pace struct {
	mu    sync.Mutex
	rows  int           // 0: any number
	limit time.Duration // after which a fetch was ended by the database; 0: none was
}

// newPace begins with fewer rows than a chunk where there are so many columns that even rows of nulls would not fit.
func newPace(columns []rowset.Column) *pace {
	row := rowset.NewBlock(columns)
	for i := range row.Vectors {
		row.Vectors[i].AppendDefault()
	}
	if MaxChunk*row.Bytes() <= source.DefaultFetchBytes {
		return &pace{}
	}
	return &pace{rows: fullBlock / row.Bytes()}
}

// next returns how many of the rows that are left to ask for.
func (p *pace) next(left int) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.rows == 0 {
		return left
	}
	return min(left, p.rows)
}

// tooMuch notes that of so many rows a few filled the memory that a fetch may take, and returns how many may fit.
func (p *pace) tooMuch(asked, fitted int) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rows = max(1, min(fitted, asked/2))
	return p.rows
}

// fitted notes the size of rows that were read, so that the next ones fill a block. It speeds up by steps: rows that
// follow large ones may be large again. Fewer rows than the pace, such as a chunk's last ones, do not slow it down.
func (p *pace) fitted(asked, bytes int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.rows == 0 {
		return
	}
	const fastest = 4
	p.rows = max(1, min(asked*fullBlock/max(1, bytes), max(p.rows, fastest*asked)))
}

// tooSlow notes after what time the database ended a fetch.
func (p *pace) tooSlow(after time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.limit = after
}

// took notes how long rows took, where others took too long: the next ones are to take half of what is too long.
func (p *pace) took(asked int, d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.limit > 0 && p.rows > 0 {
		p.rows = max(1, min(p.rows, int(float64(asked)*float64(p.limit/2)/float64(max(1, d)))))
	}
}
