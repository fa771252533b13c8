package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

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

// movedError is the cause of the error for an import key that filled another table until now.
type movedError struct{ from, to string }

func (e *movedError) Error() string { return "the table " + e.from + " became " + e.to }

// foreign makes the error for an import key that belongs to another installation, or that filled another table, by
// what differs: each has another cause and another way out.
func foreign(live *config.Live) func(chferry.ImportKey, string, string) error {
	return func(key chferry.ImportKey, address, owner string) error {
		cfg := live.Config()
		rest, known := strings.CutPrefix(owner, "namespace ")
		namespace, rest, named := strings.Cut(rest, ", id_prefix ")
		prefix, table, tabled := strings.Cut(rest, ", table ")
		imp, configured := live.Import(key)
		switch {
		case !known || !named || !tabled:
			return nil
		case namespace != cfg.Temporal.Namespace || prefix != cfg.Temporal.IDPrefix:
			return anotherChferry(cfg.Temporal, key, address, namespace, prefix)
		case !configured:
			return nil
		default:
			return anotherTable(imp, address, table, cfg.QualifiedTable(imp))
		}
	}
}

// anotherChferry is the error for an import key of an installation with this namespace and this prefix of IDs.
func anotherChferry(ours config.Temporal, key chferry.ImportKey, address, namespace, prefix string) error {
	var differs, settings []string
	if namespace != ours.Namespace {
		differs = append(differs, fmt.Sprintf("Temporal namespace %s, not %s", namespace, ours.Namespace))
		settings = append(settings, "temporal.namespace (or TEMPORAL_NAMESPACE)")
	}
	if prefix != ours.IDPrefix {
		differs = append(differs, fmt.Sprintf("id_prefix %s, not %s", prefix, ours.IDPrefix))
		settings = append(settings, "temporal.id_prefix")
	}
	return chferry.Errorf(chferry.CodeConfiguration,
		"import key %s in Redis at %s belongs to another chferry (%s): give this one a redis.prefix of its own, "+
			"or, if you have changed %s, run chferry apply --take-over %s",
		key, address, strings.Join(differs, "; "), strings.Join(settings, " and "), key)
}

// anotherTable is the error for an import that filled one table and is to fill another.
func anotherTable(imp chferry.Import, address, from, to string) error {
	return chferry.WrapError(chferry.CodeConfiguration, &movedError{from, to},
		"import key %s fills ClickHouse table %s, and now %s says %s: put the former back, or, to fill the new "+
			"one from now on, run chferry apply --take-over %s; if another chferry in Redis at %s fills the "+
			"former, give this one a redis.prefix of its own",
		imp.Key, from, tableSetting(imp, from, to), to, imp.Key, address)
}

// tableSetting names what of the configuration names the table that an import fills.
func tableSetting(imp chferry.Import, was, is string) string {
	former, _, _ := strings.Cut(was, ".")
	database, _, _ := strings.Cut(is, ".")
	switch {
	case former != database:
		return "destination.table or the database in clickhouse.url"
	case strings.HasSuffix(imp.Table, imp.DestinationTable):
		return fmt.Sprintf("table (%s), whose name destination.table has unless it is set,", imp.Table)
	default:
		return "destination.table"
	}
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
	var moved *movedError
	if errors.As(err, &moved) {
		r.changed("take over", fmt.Sprintf("import %s into table %s", imp.Key, moved.to), fmt.Sprintf(
			"rows that were synced before stay in %s; chferry backfill %s copies all into the new one",
			moved.from, imp.Key))
		return nil
	}
	r.changed("take over", fmt.Sprintf("import %s from another chferry", imp.Key), staysAsItWas(imp))
	return nil
}
