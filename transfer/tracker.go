package transfer

import (
	"context"
	"slices"
	"time"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/storage"
)

const (
	// mostSuspects bounds those that are open. Reading waits while there are more.
	mostSuspects = 10_000
	// mostLooks is how often a row is looked at that changes each time.
	mostLooks = 8

	defaultPatience = 15 * time.Minute
	// registeredWithin is how long after a commit applications register, at most.
	registeredWithin = 5 * time.Second
	longestPause     = 500 * time.Millisecond
	// hurryEvery is how often a sync is asked for while suspects wait for one.
	hurryEvery = 5 * time.Second
)

// tracker looks at suspects again, and saves pages in their order once none of their suspects is open.
type tracker struct {
	*comparison
	settle, patience time.Duration
	pause            time.Duration // between two questions to the queue
	pages            []*openPage   // in order
	suspects         []*suspects
	open             int // suspects
	hurried          time.Time
}

// openPage is a page that is not saved.
type openPage struct {
	number   int64
	open     int // suspects
	complete bool
	place    string
	compared Compared
}

// suspects are rows that differ, and wait for the queue together.
type suspects struct {
	page  *openPage
	keys  keyList
	seen  []sight
	looks int
	// The queue is asked for its position once all that was seen is registered, but not before this time.
	from     time.Time
	position storage.Position
	asked    time.Time // zero: it was not asked
}

func newTracker(c *comparison) *tracker {
	t := &tracker{comparison: c, settle: c.Settle, patience: c.Patience}
	if t.settle == 0 {
		t.settle = c.Plan.Import.Settle + registeredWithin
	}
	if t.patience == 0 {
		t.patience = defaultPatience
	}
	t.pause = min(longestPause, t.settle/4+time.Millisecond)
	return t
}

// run returns when no findings come any more and no suspect is open.
func (t *tracker) run(ctx context.Context, findings <-chan finding) error {
	for next := time.Now(); findings != nil || t.open > 0; {
		var in <-chan finding
		if t.open < mostSuspects {
			in = findings
		}
		var due <-chan time.Time
		if t.open > 0 {
			due = time.After(time.Until(next))
		}
		select {
		case f, more := <-in:
			if !more {
				findings = nil
				continue
			}
			if err := t.take(ctx, f); err != nil {
				return err
			}
		case <-due:
			if err := t.lookAgain(ctx); err != nil {
				return err
			}
			next = time.Now().Add(t.pause)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// take notes a finding.
func (t *tracker) take(ctx context.Context, f finding) error {
	if n := len(t.pages); n == 0 || t.pages[n-1].number != f.page {
		t.pages = append(t.pages, &openPage{number: f.page})
	}
	page := t.pages[len(t.pages)-1]
	if f.last {
		page.complete, page.place = true, f.place
		page.compared.add(f.compared)
		return t.save(ctx)
	}
	seen, err := t.see(ctx, f.suspects)
	if err != nil {
		return err
	}
	t.wait(page, f.suspects, seen, 0)
	return nil
}

// wait has suspects wait for the queue.
func (t *tracker) wait(page *openPage, keys keyList, seen []sight, looks int) {
	if keys.len() == 0 {
		return
	}
	page.open += keys.len()
	t.open += keys.len()
	t.suspects = append(t.suspects, &suspects{
		page: page, keys: keys, seen: seen, looks: looks, from: time.Now().Add(t.settle),
	})
}

// save saves the first pages, as far as none of their suspects is open.
func (t *tracker) save(ctx context.Context) error {
	for len(t.pages) > 0 && t.pages[0].complete && t.pages[0].open == 0 {
		page := t.pages[0]
		halve, err := t.work.Save(ctx, page.place, page.compared)
		if err != nil {
			return err
		}
		if halve {
			t.comparison.pages.halveNext()
		}
		t.pages = t.pages[1:]
	}
	return nil
}

// lookAgain looks at the suspects that the queue has passed.
func (t *tracker) lookAgain(ctx context.Context) error {
	if err := t.askPositions(ctx); err != nil {
		return err
	}
	passed, err := t.passed(ctx)
	if err != nil || len(passed) == 0 {
		return err
	}
	if err := t.look(ctx, passed); err != nil {
		return err
	}
	return t.save(ctx)
}

// askPositions asks for the position up to which suspects have to wait, if their time has come.
func (t *tracker) askPositions(ctx context.Context) error {
	due := func(s *suspects) bool { return s.asked.IsZero() && !time.Now().Before(s.from) }
	if !slices.ContainsFunc(t.suspects, due) {
		return nil
	}
	now := time.Now()
	position, err := t.Queue.Position(ctx, t.Plan.Import.Key)
	if err != nil {
		return err
	}
	for _, s := range t.suspects {
		if s.asked.IsZero() && !now.Before(s.from) {
			s.position, s.asked = position, now
		}
	}
	return nil
}

// passed takes out the suspects that the queue has passed.
func (t *tracker) passed(ctx context.Context) (passed []*suspects, err error) {
	var positions []storage.Position
	for _, s := range t.suspects {
		if !s.asked.IsZero() && !slices.Contains(positions, s.position) {
			positions = append(positions, s.position)
		}
	}
	if len(positions) == 0 {
		return nil, nil
	}
	has, err := t.Queue.Passed(ctx, t.Plan.Import.Key, positions...)
	if err != nil {
		return nil, err
	}
	var waiting []*suspects
	for _, s := range t.suspects {
		at := slices.Index(positions, s.position)
		switch {
		case !s.asked.IsZero() && has[at]:
			passed = append(passed, s)
			continue
		case !s.asked.IsZero() && time.Since(s.asked) > t.patience:
			return nil, chferry.Errorf(chferry.CodeUnavailable,
				"import key %s: rows that differ wait for operations that have not been synced for %s: see with "+
					"chferry status whether the key is paused or its syncs fail, and resume or mend it",
				t.Plan.Import.Key, t.patience)
		}
		waiting = append(waiting, s)
	}
	t.suspects = waiting
	if len(passed) == 0 {
		t.hurry(ctx)
	}
	return passed, nil
}

// hurry asks for a sync, as suspects wait for the queue.
func (t *tracker) hurry(ctx context.Context) {
	if t.Hurry == nil || time.Since(t.hurried) < hurryEvery {
		return
	}
	t.hurried = time.Now()
	t.Hurry(ctx)
}

// add adds what was found, but for differences.
func (c *Compared) add(more Compared) {
	c.Rows += more.Rows
	c.Failed += more.Failed
	c.Moving += more.Moving
	c.Clamped += more.Clamped
	c.Missing += more.Missing
	c.Stale += more.Stale
	c.Surplus += more.Surplus
	c.Registered += more.Registered
}
