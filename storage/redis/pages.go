package redis

import (
	"context"
	"iter"

	"github.com/redis/go-redis/v9"

	"github.com/chferry/chferry"
)

// One XRANGE stops every other client for as long as it takes, so pages are bounded in entries, and
// in operations as far as the page before tells how many an entry has.
const (
	firstPage      = 2
	maxPageEntries = 1_000
	pageBytes      = 1 << 18
)

type entry struct {
	id    string
	value string
}

// pages yields the queue's entries from its head up to and including an ID.
func (s *Storage) pages(ctx context.Context, key chferry.ImportKey, upTo string) iter.Seq2[[]entry, error] {
	return func(yield func([]entry, error) bool) {
		from, size := "-", int64(firstPage)
		for {
			messages, err := s.client.XRangeN(ctx, s.keys(key).queue, from, upTo, size).Result()
			if err != nil {
				yield(nil, s.translate(err, "read the queue"))
				return
			}
			page, err := entries(key, messages)
			if err != nil {
				yield(nil, err)
				return
			}
			if len(page) == 0 || !yield(page, nil) || int64(len(page)) < size {
				return
			}
			from = "(" + page[len(page)-1].id
			size = nextPage(page)
		}
	}
}

func entries(key chferry.ImportKey, messages []redis.XMessage) ([]entry, error) {
	page := make([]entry, len(messages))
	for i, m := range messages {
		value, ok := m.Values[entryField].(string)
		if !ok {
			return nil, malformed(key, "queue entry "+m.ID)
		}
		page[i] = entry{id: m.ID, value: value}
	}
	return page, nil
}

func nextPage(page []entry) int64 {
	total := 0
	for _, e := range page {
		total += len(e.value)
	}
	return int64(min(max(pageBytes*len(page)/max(total, 1), 1), maxPageEntries))
}
