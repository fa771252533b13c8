package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/sink"
	"github.com/chferry/chferry/starter"
	"github.com/chferry/chferry/storage"
)

// createsTable reports whether the destination's table is among what is missing.
func createsTable(missing []sink.Statement) bool {
	return slices.ContainsFunc(missing, func(s sink.Statement) bool { return s.Kind == sink.Table })
}

// firstLoad says what is to be done about the first load of an import.
type firstLoad int

const (
	noLoad    firstLoad = iota // none is wanted, or it waits for a worker
	startLoad                  // apply starts it
	laterLoad                  // a backfill runs that began before the table was created
)

// firstLoadOf returns what is to be done about the first load of an import whose table exists.
func (s *services) firstLoadOf(ctx context.Context, imp chferry.Import) (firstLoad, error) {
	wanted, err := starter.FirstLoadWanted(ctx, s.storage, imp.Key)
	if err != nil || !wanted {
		return noLoad, err
	}
	job, err := s.starter.Backfill(ctx, imp.Key)
	if err != nil || !job.Running {
		return startLoad, err
	}
	progress, err := s.storage.RangesProgress(ctx, imp.Key, storage.Backfill)
	if err == nil && progress.Open && progress.Token == job.Token {
		return laterLoad, nil
	}
	return noLoad, err
}

// firstLoads starts the backfills of tables that were created, by this apply or by one that got no further.
func (r *application) firstLoads(ctx context.Context, works []work) error {
	for _, w := range works {
		if !w.Import.FirstLoad.OnCreate || r.wrong[w.Import.Key] {
			continue
		}
		err := r.firstLoad(ctx, w)
		if chferry.CodeOf(err) == chferry.CodeUnavailable {
			return err
		}
		if err != nil {
			r.problem(w.Import, err)
		}
	}
	return nil
}

func (r *application) firstLoad(ctx context.Context, w work) error {
	do, err := r.firstLoadOf(ctx, w.Import)
	if r.opts.dryRun && createsTable(w.missing) {
		do = startLoad
	}
	switch {
	case err != nil || do == noLoad:
		return err
	case do == laterLoad:
		fmt.Fprintf(r.app.out, "import %s: a backfill runs that began before its table was created: run chferry apply "+
			"again when it has ended, and the first load begins\n", w.Import.Key)
		return nil
	case !r.opts.dryRun:
		if err := r.starter.StartFirstLoad(ctx, w.Import); err != nil {
			return err
		}
	}
	r.changed("start", "backfill "+r.starter.BackfillID(w.Import.Key), fmt.Sprintf(
		"all rows of %s; chferry backfill %s --status shows how far it is", w.Import.Table, w.Import.Key))
	return nil
}

// noteFirstLoad notes that apply would start the first load. What can't be asked has its line already.
func (c *importCheck) noteFirstLoad(ctx context.Context, imp chferry.Import, missing []sink.Statement) {
	if !imp.FirstLoad.OnCreate || c.refused[imp.Key] {
		return
	}
	do := noLoad
	if c.storageUp {
		do, _ = c.firstLoadOf(ctx, imp)
	}
	if do == startLoad || createsTable(missing) {
		c.report.would("start backfill " + c.starter.BackfillID(imp.Key))
	}
}
