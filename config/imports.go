package config

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/engine"
)

// readImports reads the imports; database is ClickHouse's for destination tables that don't name one.
func readImports(list []*section, databases map[string]Database, database string) []chferry.Import {
	imports := make([]chferry.Import, 0, len(list))
	keys, destinations := map[chferry.ImportKey]bool{}, map[string]chferry.ImportKey{}
	for _, s := range list {
		i := readImport(s, databases)
		if keys[i.Key] && i.Key != "" {
			s.fail("key", "%s stands twice: import keys are unique", i.Key)
		}
		keys[i.Key] = true
		claimDestination(s, i, database, destinations)
		imports = append(imports, i)
	}
	return imports
}

func readImport(s *section, databases map[string]Database) chferry.Import {
	i := chferry.Import{Engine: engine.Default}
	readKey(s, &i)
	readSource(s, &i, databases)
	readDestination(s.section("destination"), &i)
	size := int64(chferry.DefaultBatchSize)
	s.number("batch_size", 1, MaxBatchSize, &size)
	i.BatchSize = int(size)
	s.number("max_pending", 0, 1<<62, &i.MaxPending)
	s.duration("settle", &i.Settle)
	readLimits(s, &i.Limits)
	readSchedule(s, &i)
	readNudges(s, &i)
	readFirstLoad(s.section("backfill"), &i.FirstLoad)
	s.end()
	return i
}

func readKey(s *section, i *chferry.Import) {
	var key string
	if !s.text("key", &key) {
		if !s.has("key") {
			s.fail("key", "is missing: name the import")
		}
		return
	}
	i.Key = chferry.ImportKey(key)
	if i.Key.Validate() != nil {
		s.fail("key", "must be a letter followed by at most 127 of A-Z a-z 0-9 _ . -")
	}
}

func readSource(s *section, i *chferry.Import, databases map[string]Database) {
	readAliases(s, i, databases)
	if !s.text("table", &i.Table) && !s.has("table") || s.has("table") && strings.TrimSpace(i.Table) == "" {
		s.fail("table", "is missing: name the source table, such as public.users")
	}
	s.texts("primary_key", &i.PrimaryKey)
	checkNames(s, "primary_key", i.PrimaryKey)
	if len(i.PrimaryKey) > chferry.MaxPrimaryKeyParts {
		s.fail("primary_key", "has more than %d columns", chferry.MaxPrimaryKeyParts)
	}
	readColumns(s.section("columns"), i)
}

func readColumns(s *section, i *chferry.Import) {
	s.texts("include", &i.Include)
	checkNames(s, "include", i.Include)
	s.texts("exclude", &i.Exclude)
	checkNames(s, "exclude", i.Exclude)
	switch {
	case s.has("include") && s.has("exclude"):
		s.fail("include", "and exclude exclude each other: keep one")
	case s.has("include") && len(i.Include) == 0:
		s.fail("include", "names no column")
	}
	i.Rename = s.textMap("rename")
	for _, to := range i.Rename {
		if to == "" {
			s.fail("rename", "gives a column an empty name")
		}
	}
	i.Cast = s.textMap("cast")
	checkExpressions(s, "cast", i.Cast)
	s.end()
}

func readAliases(s *section, i *chferry.Import, databases map[string]Database) {
	key, alias := "database", chferry.DefaultDatabase
	s.text("database", &alias)
	i.Databases = []string{alias}
	if s.has("databases") {
		if s.has("database") {
			s.fail("databases", "and database exclude each other: keep one")
		}
		key, i.Databases = "databases", nil
	}
	s.texts("databases", &i.Databases)
	if len(i.Databases) == 0 {
		s.fail(key, "names no database")
	}
	checkNames(s, key, i.Databases)
	for _, alias := range i.Databases {
		if _, ok := databases[alias]; !ok {
			s.fail(key, "names %.128q, which databases does not have: add it there, or use one of %s",
				alias, aliases(databases))
		}
	}
}

func aliases(databases map[string]Database) string {
	if len(databases) == 0 {
		return "none that it has"
	}
	names := make([]string, 0, len(databases))
	for name := range databases {
		names = append(names, name)
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

func readDestination(s *section, i *chferry.Import) {
	i.DestinationTable = lastPart(i.Table)
	if s.text("table", &i.DestinationTable) && strings.TrimSpace(i.DestinationTable) == "" {
		s.fail("table", "is empty: name a table, or leave the key out")
	}
	if s.text("engine", &i.Engine) && !slices.Contains(engine.Names(), i.Engine) {
		s.fail("engine", "must be %s", strings.Join(engine.Names(), " or "))
	}
	s.texts("order_by", &i.OrderBy)
	checkNames(s, "order_by", i.OrderBy)
	if s.text("database_column", &i.DatabaseColumn) && i.DatabaseColumn == "" {
		s.fail("database_column", "is empty: name a column, or leave the key out")
	}
	readOptions(s, &i.Options)
	switch {
	case len(i.Databases) > 1 && !s.has("database_column"):
		s.fail("database_column", "is missing: rows of several databases need a column that holds their alias")
	case len(i.Databases) == 1 && s.has("database_column"):
		s.fail("database_column", "is only for imports with several databases: leave it out")
	}
	s.end()
}

// readOptions reads what a new table is created with. What becomes part of statements as it is, is
// checked for slips alone.
func readOptions(s *section, o *chferry.TableOptions) {
	if s.text("partition_by", &o.PartitionBy) {
		checkExpression(s, "partition_by", o.PartitionBy)
	}
	if s.text("ttl", &o.TTL) {
		checkExpression(s, "ttl", o.TTL)
	}
	o.Settings = s.textMap("settings")
	o.Codecs = s.textMap("codec")
	checkExpressions(s, "codec", o.Codecs)
	if s.text("cluster", &o.Cluster) && strings.TrimSpace(o.Cluster) == "" {
		s.fail("cluster", "is empty: name a cluster, or leave the key out")
	}
	if !s.has("replicated") {
		s.ask("replicated")
		return
	}
	o.Replicated = &chferry.Replication{}
	replicated := s.section("replicated")
	replicated.text("path", &o.Replicated.Path)
	replicated.text("replica", &o.Replicated.Replica)
	if (o.Replicated.Path == "") != (o.Replicated.Replica == "") {
		s.fail("replicated", "must have both path and replica, or neither for the server's own")
	}
	replicated.end()
}

func checkExpressions(s *section, key string, texts map[string]string) {
	for _, name := range slices.Sorted(maps.Keys(texts)) {
		checkExpression(s, key, texts[name])
	}
}

func checkExpression(s *section, key, text string) {
	if err := chferry.CheckExpression(text); err != nil {
		s.fail(key, "%s: it becomes part of a statement as it is", err)
	}
}

// claimDestination notes a problem if another import writes to the same table, or if one's table is the other's view.
func claimDestination(s *section, i chferry.Import, database string, taken map[string]chferry.ImportKey) {
	if i.DestinationTable == "" {
		return
	}
	owner, name := tableName(i.DestinationTable)
	if owner == "" {
		owner = database
	}
	table := owner + "\x00" + name
	for _, name := range []string{table, table + "_current"} {
		if other, ok := taken[name]; ok {
			s.fail("destination", "is %s, which import %s writes to or has its view at: give each its own table",
				i.DestinationTable, other)
			return
		}
	}
	taken[table], taken[table+"_current"] = i.Key, i.Key
}

func readSchedule(s *section, i *chferry.Import) {
	schedule := s.section("schedule")
	every := schedule.duration("every", &i.Every)
	cron := schedule.text("cron", &i.Cron)
	if s.has("schedule") && schedule.has("every") == schedule.has("cron") {
		s.fail("schedule", "must have either every or cron: leave it out for syncs by hand only")
	}
	if every && (i.Every < time.Second || i.Every%time.Second != 0) {
		schedule.fail("every", "must be whole seconds, such as %s: Temporal's schedules have no finer grain; with "+
			"sync_on_register: true a registration starts a sync without waiting for the schedule",
			chferry.DurationText(i.Every.Truncate(time.Second)+time.Second))
	}
	if cron {
		if err := checkCron(i.Cron); err != nil {
			schedule.fail("cron", "%s", err)
		}
	}
	readTimeZone(schedule, i)
	readJitter(schedule, i)
	schedule.end()
}

func readFirstLoad(s *section, l *chferry.FirstLoad) {
	s.boolean("on_create", &l.OnCreate)
	parallel := int64(0)
	s.number("parallel", 1, chferry.MaxParallel, &parallel)
	l.Parallel = int(parallel)
	if s.has("parallel") && !l.OnCreate {
		s.fail("parallel", "is only for imports with on_create: true: leave it out")
	}
	s.end()
}

// minNudgeInterval: each nudge is a run with a history of its own.
const minNudgeInterval = 100 * time.Millisecond

func readNudges(s *section, i *chferry.Import) {
	s.boolean("sync_on_register", &i.SyncOnRegister)
	if i.SyncOnRegister {
		i.NudgeInterval = DefaultNudgeInterval
	}
	if !s.duration("nudge_interval", &i.NudgeInterval) {
		return
	}
	if i.NudgeInterval < minNudgeInterval {
		s.fail("nudge_interval", "must be at least %s", minNudgeInterval)
	}
	if !i.SyncOnRegister {
		s.fail("nudge_interval", "is only for imports with sync_on_register: true: leave it out")
	}
}

// checkNames notes a problem for an empty or a repeated name.
func checkNames(s *section, key string, names []string) {
	for n, name := range names {
		if strings.TrimSpace(name) == "" {
			s.fail(key, "holds an empty name")
		} else if slices.Contains(names[:n], name) {
			s.fail(key, "names %.128q twice", name)
		}
	}
}
