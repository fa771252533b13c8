package starter

import (
	"context"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/storage"
	"github.com/chferry/chferry/workflows"
)

// firstLoad is the ID of the request that stands for a table which was created and is to be loaded. It is kept before
// the table is created and goes when a backfill has begun, so whoever dies in between loses no load.
const firstLoad = "on_create"

// WantFirstLoad notes that the rows of an import are to be copied, until a backfill of the import key has begun. It is
// called before the table is created.
func WantFirstLoad(ctx context.Context, requests storage.Requests, key chferry.ImportKey) error {
	return requests.KeepRequest(ctx, key, storage.Backfill, firstLoad, "{}")
}

// FirstLoadWanted reports whether WantFirstLoad was called and no backfill has begun since.
func FirstLoadWanted(ctx context.Context, requests storage.Requests, key chferry.ImportKey) (bool, error) {
	_, err := requests.Request(ctx, key, storage.Backfill, firstLoad)
	if chferry.CodeOf(err) == chferry.CodeInvalid {
		return false, nil
	}
	return err == nil, err
}

// StartFirstLoad starts the backfill that is wanted. Errors: CodeClaimed if one runs already.
func (s *Starter) StartFirstLoad(ctx context.Context, imp chferry.Import) error {
	if err := s.startable(ctx, imp.Key, workflows.BackfillID(s.prefix, imp.Key)); err != nil {
		return err
	}
	return s.startBackfill(ctx, imp, firstLoad, chferry.BackfillOptions{Parallel: imp.FirstLoad.Parallel})
}
