package main

import (
	"context"
	"fmt"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/config"
)

// owners returns the name of the installation that an import key belongs to. Two
// installations on one Redis differ in Temporal's namespace, in the prefix of its IDs or in the
// tables that they fill.
func owners(live *config.Live) func(chferry.ImportKey) string {
	return func(key chferry.ImportKey) string {
		imp, known := live.Import(key)
		if !known {
			return ""
		}
		cfg := live.Config()
		return installation(cfg) + cfg.QualifiedTable(imp)
	}
}

// installation is what the names of the owners of all import keys of a configuration begin with.
func installation(cfg *config.Config) string {
	return fmt.Sprintf("namespace %s, id_prefix %s, table ", cfg.Temporal.Namespace, cfg.Temporal.IDPrefix)
}

// owner refuses an import key that another installation uses, unless it is to be taken over.
func (r *application) owner(ctx context.Context, imp chferry.Import, takeOver bool) error {
	err := r.storage.CheckOwner(ctx, imp.Key)
	if err == nil || !takeOver || chferry.CodeOf(err) != chferry.CodeConfiguration {
		return err
	}
	if !r.opts.dryRun {
		if err := r.storage.ReplaceOwner(ctx, imp.Key); err != nil {
			return err
		}
	}
	r.changed("take over", fmt.Sprintf("import %s from another chferry", imp.Key), staysAsItWas(imp))
	return nil
}
