package transfer

import "fmt"

// chunk is the operations of a share from first up to last, not included. Their rows are one block,
// unless the rows are large.
type chunk struct {
	*share
	first, last int
	// token names these keys of this batch: equal in every attempt, different for all other keys.
	token string
}

func (c *chunk) len() int { return c.last - c.first }

// tokenOf names the keys of the chunk from first up to last. A block may hold other keys in the
// next attempt, because the number of keys depends on the size of their rows.
func (c *chunk) tokenOf(first, last int) string {
	if first == 0 && last == c.len() {
		return c.token
	}
	return fmt.Sprintf("%s/%d-%d", c.token, first, last)
}

// slice returns the keys of the chunk's operations from first up to last, not included.
func (c *chunk) slice(first, last int) keyList { return c.keys.slice(c.first+first, c.first+last) }
