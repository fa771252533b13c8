package activities

import (
	"sync"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/transfer"
)

// plans are those that batches were claimed with, for the imports that follow on the same worker.
// One that is out of date by then does no harm: a source refuses to read a table that has changed,
// and a sink to fill one.
type plans struct {
	mu    sync.Mutex
	plans map[chferry.ImportKey]claimedPlan
}

type claimedPlan struct {
	batch string
	plan  transfer.Plan
}

func (p *plans) keep(key chferry.ImportKey, batch string, plan transfer.Plan) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.plans == nil {
		p.plans = map[chferry.ImportKey]claimedPlan{}
	}
	p.plans[key] = claimedPlan{batch, plan}
}

// take returns the plan that a batch was claimed with, once: an attempt after a failed one makes its own.
func (p *plans) take(key chferry.ImportKey, batch string) (transfer.Plan, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	claimed, ok := p.plans[key]
	delete(p.plans, key)
	return claimed.plan, ok && claimed.batch == batch
}
