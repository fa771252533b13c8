package clickhouse_test

import (
	"context"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/internal/testenv"
	"github.com/chferry/chferry/rowset"
	"github.com/chferry/chferry/sink"
	"github.com/chferry/chferry/sink/clickhouse"
)

// items is a destination of ids and names.
func items() sink.Destination {
	return destination("items", []string{"id"}, column("id", int64Type), column("name", stringType))
}

func (s *server) insertItem(t testing.TB, d sink.Destination, id int, name string, version int) {
	t.Helper()
	b := rowset.NewBlock(d.Columns)
	b.Vectors[0].AppendInt(int64(id))
	b.Vectors[1].AppendData([]byte(name))
	b.Vectors[2].AppendInt(int64(version))
	b.Vectors[3].AppendInt(0)
	s.insert(t, d, b)
}

func (s *server) prepare(t testing.TB, d sink.Destination, token string) sink.Destination {
	t.Helper()
	own, err := s.Prepare(t.Context(), d, token)
	if err != nil {
		t.Fatal(err)
	}
	return own
}

// joinedNames is a query for names in their order.
const joinedNames = "SELECT arrayStringConcat(arraySort(groupArray(name)), ' ')"

// names are those of the tables beside one.
func (s *server) names(t testing.TB, table string) string {
	t.Helper()
	return s.value(t, joinedNames+" FROM system.tables WHERE database = '"+s.database+"' AND name LIKE '"+table+
		"\\_chferry\\_%'")
}

func (s *server) wantNames(t testing.TB, when, table, want string) {
	t.Helper()
	if got := s.names(t, table); got != want {
		t.Errorf("%s: beside %s there is %q, want %q", when, table, got, want)
	}
}

// wantItems compares the items that the view shows.
func (s *server) wantItems(t testing.TB, when, want string) {
	t.Helper()
	got := s.value(t, joinedNames+" FROM "+s.database+".items_current")
	if got != want {
		t.Errorf("%s: got items %q, want %q", when, got, want)
	}
}

// TestReplaceKeepsTheTable: the new table has what the old one had beside rows.
func TestReplaceKeepsTheTable(t *testing.T) { onServers(t, testReplaceKeepsTheTable) }

func testReplaceKeepsTheTable(t *testing.T, s *server) {
	d := destination("items", []string{"id", "day"}, column("id", int64Type), column("day", kindOf(rowset.Date)),
		column("name", stringType))
	d.OrderBy = []string{"day", "id"}
	d.Options.PartitionBy = "toYYYYMM(day)"
	d.Options.Settings = map[string]string{"parts_to_delay_insert": "77"}
	if major, _, err := s.Version(t.Context()); err != nil || major > 20 {
		d.Options.TTL = "day + INTERVAL 50 YEAR"
		d.Options.Codecs = map[string]string{"name": "ZSTD(3)"}
	}
	s.create(t, d)
	if d.Options.TTL != "" {
		s.exec(t, "ALTER TABLE "+s.database+".items ADD INDEX by_name name TYPE minmax GRANULARITY 1",
			"ALTER TABLE "+s.database+".items COMMENT COLUMN name 'of the item'",
			"ALTER TABLE "+s.database+".items ADD CONSTRAINT positive CHECK id > 0",
			"ALTER TABLE "+s.database+".items ADD COLUMN added Int64 DEFAULT id * 2")
	}
	show := "SHOW CREATE TABLE " + s.database + ".items"
	want := s.value(t, show)
	own := s.prepare(t, d, "job")
	if err := s.Exchange(t.Context(), d, "job", own.Table); err != nil {
		t.Fatal(err)
	}
	if got := s.value(t, show); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if err := s.Drop(t.Context(), d, "job"); err != nil {
		t.Fatal(err)
	}
	s.wantNames(t, "at the end", "items", "")
}

// ordinary is a database whose tables have no UUIDs, as all of 18.16 are.
func ordinary(t testing.TB, of func(testing.TB) string) *server {
	t.Helper()
	s := open(t, of)
	if major, _, err := s.Version(t.Context()); err != nil || major < 20 {
		return s
	}
	name := s.database + "_ordinary"
	conn := openConn(t, s.url+"?allow_deprecated_database_ordinary=1")
	if err := conn.Exec(t.Context(), "CREATE DATABASE "+name+" ENGINE = Ordinary"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := conn.Exec(context.WithoutCancel(t.Context()), "DROP DATABASE "+name); err != nil {
			t.Error(err)
		}
	})
	s.url = strings.Replace(s.url, "/"+s.database, "/"+name, 1)
	s.database = name
	s.Client = openClient(t, s.url, clickhouse.Options{})
	return s
}

// TestReplaceByRenaming goes on wherever a server may have died between two renamings.
func TestReplaceByRenaming(t *testing.T) {
	t.Parallel()
	for name, database := range servers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testReplaceByRenaming(t, ordinary(t, database))
		})
	}
}

func testReplaceByRenaming(t *testing.T, s *server) {
	d := items()
	s.create(t, d)
	s.insertItem(t, d, 1, "old", 1)
	own := s.prepare(t, d, "job")
	ownName := s.names(t, "items")
	oldName := strings.Replace(ownName, "_new_", "_old_", 1)
	if strings.Contains(ownName, " ") {
		t.Fatalf("got the tables %q, want one", ownName)
	}
	s.insertItem(t, own, 1, "new", 2)
	half := "RENAME TABLE " + s.database + ".items TO " + s.database + "." + oldName
	step := func(what string, do func() error, items, beside string) {
		t.Helper()
		if err := do(); err != nil {
			t.Errorf("%s: %v", what, err)
		}
		s.wantItems(t, what, items)
		s.wantNames(t, what, "items", beside)
	}
	s.exec(t, half)
	step("prepared again", func() error { _, err := s.Prepare(t.Context(), d, "job"); return err }, "old", ownName)
	s.exec(t, half)
	step("exchanged", func() error { return s.Exchange(t.Context(), d, "job", own.Table) }, "new", oldName)
	late := strings.TrimRight(ownName, "0123456789abcdef") + "00000000"
	s.exec(t, "CREATE TABLE "+s.database+"."+late+" AS "+s.database+".items")
	step("exchanged, and a late table", func() error { return s.Exchange(t.Context(), d, "job", own.Table) }, "new",
		late+" "+oldName)
	step("dropped with a late table", func() error { return s.Drop(t.Context(), d, "job") }, "new", "")
	own = s.prepare(t, d, "job")
	ownName = s.names(t, "items")
	oldName = strings.Replace(ownName, "_new_", "_old_", 1)
	s.insertItem(t, own, 1, "new", 2)
	step("exchanged anew", func() error { return s.Exchange(t.Context(), d, "job", own.Table) }, "new", oldName)
	step("exchanged again", func() error { return s.Exchange(t.Context(), d, "job", own.Table) }, "new", oldName)
	step("prepared afterwards", func() error { _, err := s.Prepare(t.Context(), d, "job"); return err }, "new", oldName)
	step("dropped", func() error { return s.Drop(t.Context(), d, "job") }, "new", "")
	s.prepare(t, d, "cancelled")
	cancelled := strings.Replace(s.names(t, "items"), "_new_", "_old_", 1)
	s.exec(t, "RENAME TABLE "+s.database+".items TO "+s.database+"."+cancelled)
	step("cancelled", func() error { return s.Drop(t.Context(), d, "cancelled") }, "new", "")
	s.prepare(t, d, "dead")
	dead := strings.Replace(s.names(t, "items"), "_new_", "_old_", 1)
	s.exec(t, "RENAME TABLE "+s.database+".items TO "+s.database+"."+dead)
	own = s.prepare(t, d, "job")
	s.wantItems(t, "another job", "new")
	ownName = s.names(t, "items")
	oldName = strings.Replace(ownName, "_new_", "_old_", 1)
	s.exec(t, "RENAME TABLE "+s.database+".items TO "+s.database+"."+oldName)
	s.create(t, d)
	for what, err := range map[string]error{
		"exchange": s.Exchange(t.Context(), d, "job", own.Table), "drop": s.Drop(t.Context(), d, "job"),
	} {
		if chferry.CodeOf(err) != chferry.CodeSchemaMismatch || !strings.Contains(err.Error(), oldName) {
			t.Errorf("%s of a table that was created meanwhile: %v", what, err)
		}
	}
	s.wantNames(t, "of a table that was created meanwhile", "items", ownName+" "+oldName)
}

// TestReplaceByExchange goes on wherever a server may have died, and tells by the tables' UUIDs
// whether they were exchanged.
func TestReplaceByExchange(t *testing.T) {
	t.Parallel()
	s := open(t, testenv.ModernClickHouse)
	d := items()
	s.create(t, d)
	s.insertItem(t, d, 1, "old", 1)
	own := s.prepare(t, d, "job")
	ownName := s.names(t, "items")
	mark := ownName[strings.LastIndex(ownName, "_"):]
	created := strings.TrimSuffix(ownName, mark)
	s.exec(t, "RENAME TABLE "+s.database+"."+ownName+" TO "+s.database+"."+created) // a Prepare that died
	if again := s.prepare(t, d, "job"); again.Table != own.Table {
		t.Errorf("got table %s, and then %s", own.Table, again.Table)
	}
	s.insertItem(t, own, 1, "new", 2)
	late := strings.TrimSuffix(ownName, mark) + "_00000000" // which sorts first
	for _, name := range []string{created, late} {
		s.exec(t, "CREATE TABLE "+s.database+"."+name+" AS "+s.database+".items")
	}
	s.exec(t, "EXCHANGE TABLES "+s.database+".items AND "+s.database+"."+ownName) // by an attempt that died
	old := strings.Replace(ownName, "_new_", "_old_", 1)
	for range 3 {
		if err := s.Exchange(t.Context(), d, "job", own.Table); err != nil {
			t.Fatal(err)
		}
		s.wantItems(t, "exchanged", "new")
		s.wantNames(t, "exchanged", "items", created+" "+late+" "+old)
		if again := s.prepare(t, d, "job"); !strings.Contains(again.Table, old) {
			t.Errorf("prepared afterwards: got table %s, want %s", again.Table, old)
		}
	}
	if err := s.Exchange(t.Context(), d, "job", created); chferry.CodeOf(err) != chferry.CodeSchemaMismatch {
		t.Errorf("exchanged a table that nobody can have filled: %v", err)
	}
	if err := s.Drop(t.Context(), d, "job"); err != nil {
		t.Fatal(err)
	}
	s.wantItems(t, "dropped", "new")
	s.wantNames(t, "dropped", "items", "")
}

// TestReplaceWhileWriting: what is inserted into both tables while they are exchanged, or into the
// destination alone once the other is gone, is in the new one, and a query always finds a table.
func TestReplaceWhileWriting(t *testing.T) {
	t.Parallel()
	s := open(t, testenv.ModernClickHouse)
	d := items()
	s.create(t, d)
	own := s.prepare(t, d, "job")
	stop, writing := make(chan struct{}), sync.WaitGroup{}
	const writers = 2
	begun := make(chan struct{}, writers)
	inserted := make([]int, writers)
	for w := range writers {
		writing.Go(func() {
			for n := 1; ; n++ {
				b := words(d, 1, "written")
				b.Vectors[0].Ints[0] = int64(w*1_000_000 + n)
				for _, to := range []sink.Destination{own, d} {
					_, err := s.Insert(t.Context(), to, b, "")
					if err != nil && (to.Table == d.Table || chferry.CodeOf(err) != chferry.CodeSchemaMismatch) {
						t.Errorf("insert into %s: %v", to.Table, err)
					}
				}
				s.value(t, "SELECT toString(count()) FROM "+s.database+".items")
				inserted[w] = n
				if n == 3 {
					begun <- struct{}{}
				}
				select {
				case <-stop:
					return
				default:
				}
			}
		})
	}
	for range writers {
		<-begun
	}
	if err := s.Exchange(t.Context(), d, "job", own.Table); err != nil {
		t.Error(err)
	}
	close(stop)
	writing.Wait()
	want := strconv.Itoa(inserted[0] + inserted[1])
	if got := s.value(t, "SELECT toString(uniqExact(id)) FROM "+s.database+".items"); got != want {
		t.Errorf("the new table has %s rows, want %s", got, want)
	}
}

// TestReplaceWithDependents: materialized views and dictionaries that read the table read the new
// one, and hold up neither the exchange nor the end of the old table.
func TestReplaceWithDependents(t *testing.T) {
	t.Parallel()
	s := open(t, testenv.ModernClickHouse)
	d := items()
	s.create(t, d)
	s.insertItem(t, d, 1, "old", 1)
	in := func(sql string) string { return strings.ReplaceAll(sql, "DB", s.database) }
	s.exec(
		t,
		in("CREATE TABLE DB.seen (id Int64, name String) ENGINE = MergeTree ORDER BY id"),
		in("CREATE MATERIALIZED VIEW DB.watch TO DB.seen AS SELECT id, name FROM DB.items"),
		in("CREATE MATERIALIZED VIEW DB.inner ENGINE = MergeTree ORDER BY id AS SELECT id, name FROM DB.items"),
		in("CREATE DICTIONARY DB.named (id UInt64, name String) PRIMARY KEY id "+
			"SOURCE(CLICKHOUSE(DB 'DB' TABLE 'items')) LAYOUT(HASHED()) LIFETIME(0)"),
	)
	own := s.prepare(t, d, "job")
	s.insertItem(t, own, 1, "new", 2)
	for range 2 {
		if err := s.Exchange(t.Context(), d, "job", own.Table); err != nil {
			t.Fatal(err)
		}
	}
	s.insertItem(t, d, 2, "after", 3)
	if err := s.Drop(t.Context(), d, "job"); err != nil {
		t.Fatal(err)
	}
	s.wantNames(t, "at the end", "items", "")
	s.insertItem(t, d, 3, "later", 4)
	for _, view := range []string{"seen", "inner"} {
		got := s.value(t, joinedNames+" FROM "+s.database+"."+view)
		if got != "after later" {
			t.Errorf("%s got %q, want what was inserted into the new table under the old name", view, got)
		}
	}
	s.exec(t, in("SYSTEM RELOAD DICTIONARY DB.named"))
	if got := s.value(t, in("SELECT dictGet('DB.named', 'name', toUInt64(2))")); got != "after" {
		t.Errorf("the dictionary has %q", got)
	}
}

// TestReplicatedLike: a table like a replicated one has a path of its own in the keeper.
func TestReplicatedLike(t *testing.T) {
	t.Parallel()
	const job, engine = "_chferry_2c26b46b", "ReplicatedReplacingMergeTree" // the job of foo
	for arguments, want := range map[string]string{
		"('/clickhouse/{shard}/items', '{replica}', _version) ORDER BY id": "('/clickhouse/{shard}/items" + job +
			"', '{replica}', _version) ORDER BY id",
		"('/items_chferry_00000000', 'r', _version) ORDER BY id":   "('/items" + job + "', 'r', _version) ORDER BY id",
		"('/t/{uuid}/{shard}', '{replica}', _version) ORDER BY id": "",
		"(_version) ORDER BY id":                                   "",
	} {
		if want != "" {
			want = " ENGINE = " + engine + want
		}
		if got := clickhouse.LikeEngine(engine, engine+arguments, "foo"); got != want {
			t.Errorf("%s: got %q, want %q", arguments, got, want)
		}
	}
	const shared = "SharedReplacingMergeTree"
	if got := clickhouse.LikeEngine(shared, shared+"('/t', '{replica}', _version) ORDER BY id", "foo"); got != "" {
		t.Errorf("of a shared table: got %q", got)
	}
}
