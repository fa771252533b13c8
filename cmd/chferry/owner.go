package main

import (
	"context"
	"fmt"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/config"
)

// owners returns the name of the installation that each import key of cfg belongs to. Two installations on one Redis differ in
// Temporal's namespace, in the prefix of its IDs or in the tables that they fill.
func owners(cfg *config.Config) func(chferry.ImportKey) string {
	names := map[chferry.ImportKey]string{}
	for _, imp := range cfg.Imports {
		names[imp.Key] = fmt.Sprintf("namespace %s, id_prefix %s, table %s",
			cfg.Temporal.Namespace, cfg.Temporal.IDPrefix, cfg.QualifiedTable(imp))
	}
	return func(key chferry.ImportKey) string { return names[key] }
}

// owner refuses an import key that another installation uses, unless it is to be taken over.
func (r *application) owner(ctx context.Context, imp chferry.Import, takeOver bool) error {
	err := r.storage.CheckOwner(ctx, imp.Key)
	if err == nil || !takeOver || chferry.CodeOf(err) != chferry.CodeConfiguration {
		return err
	}
	r.changed("take over", fmt.Sprintf("import %s from another chferry", imp.Key), "")
	if r.opts.dryRun {
		return nil
	}
	return r.storage.ReplaceOwner(ctx, imp.Key)
}
