package worker_test

import (
	"bytes"
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/activities"
	"github.com/chferry/chferry/internal/testenv"
	"github.com/chferry/chferry/sink/clickhouse"
	"github.com/chferry/chferry/source"
	"github.com/chferry/chferry/source/postgres"
)

// TestLateInsert: the network holds an insert until its client has given up and sent the block
// again. Then it arrives. The rows that it carries are older than what was synced since, and change
// nothing that the view shows.
func TestLateInsert(t *testing.T) {
	t.Parallel()
	for name, arrive := range map[string]func(b *bundle, late func()){
		"before the rows change": func(b *bundle, late func()) {
			late()
			b.wantSource()
			b.changeRows()
			b.wantSyncOutcome(activities.OutcomeSynced)
		},
		"within the next batch": func(b *bundle, late func()) {
			b.changeRows()
			b.sink.breakWith(func(context.Context) error { late(); return nil })
			b.wantSyncOutcome(activities.OutcomeSynced)
		},
		"after newer rows": func(b *bundle, late func()) {
			b.changeRows()
			b.wantSyncOutcome(activities.OutcomeSynced)
			b.wantSource()
			b.inTarget("OPTIMIZE TABLE users FINAL")
			late()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := testenv.ModernClickHouse(t)
			b := prepare(t, server, "")
			p := testenv.NewProxy(t, server)
			client, err := clickhouse.Open(p.URL, clickhouse.Options{InsertTimeout: 2 * time.Second})
			b.ok(err)
			t.Cleanup(client.Close)
			b.sink.Client = client
			b.serve()

			b.insert("1", "2", "3", "4")
			held := p.HoldRequest(func(piece []byte) bool { return bytes.Contains(piece, []byte("query=INSERT")) })
			b.wantSynced(4)
			if n := len(b.sink.tokens); n < 2 || b.sink.tokens[0] != b.sink.tokens[1] {
				t.Fatalf("the block was not sent again: %v", b.sink.tokens)
			}
			arrive(b, sync.OnceFunc(func() {
				if got := held.Release(); !strings.HasPrefix(got, "HTTP/1.1 200 ") {
					t.Errorf("the late insert was answered with %q", got)
				}
			}))
			b.wantSource()
			b.inTarget("OPTIMIZE TABLE users FINAL")
			b.wantSource()
		})
	}
}

// TestLateRead: the network holds the read of a batch's rows, while its worker stops and another
// one takes over, and after newer rows were synced; or it holds the rows that were read, while they
// change.
func TestLateRead(t *testing.T) {
	t.Parallel()
	for name, read := range map[string]func(b *bundle, p *testenv.Proxy){
		"request": func(b *bundle, p *testenv.Proxy) {
			held := p.HoldRequest(readsRows)
			ended := b.syncAside()
			held.Wait()
			b.stop()
			b.runWorker()
			<-ended
			b.changeRows()
			b.wantSyncOutcome(activities.OutcomeSynced)
			held.Release()
		},
		"answer": func(b *bundle, p *testenv.Proxy) {
			held := p.HoldAnswer(readsRows)
			ended := b.syncAside()
			held.Wait()
			b.changeRows()
			held.Release()
			<-ended
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := prepare(t, testenv.ModernClickHouse(t), "")
			p := testenv.NewProxy(t, b.source.Config().ConnString())
			src, err := postgres.Open(p.URL, source.Options{Alias: "default"})
			b.ok(err)
			t.Cleanup(src.Close)
			b.sources["default"] = src
			b.serve()

			b.insert("1", "2", "3", "4")
			read(b, p)
			_, err = b.sync()
			b.ok(err)
			b.wantStatus(chferry.Status{})
			b.wantSource()
		})
	}
}

func readsRows(piece []byte) bool { return bytes.Contains(piece, []byte("SELECT k.n, ")) }

// syncAside triggers a sync and returns what is closed when the sync has ended well.
func (b *bundle) syncAside() <-chan struct{} {
	b.t.Helper()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if _, err := b.sync(); err != nil {
			b.t.Errorf("the sync failed: %v", err)
		}
	}()
	return ended
}

// changeRows updates a row of the source and deletes another, and registers that.
func (b *bundle) changeRows() {
	b.t.Helper()
	b.exec("UPDATE users SET name = 'newer' WHERE id = '$1'; DELETE FROM users WHERE id = '$2'")
	b.register(chferry.Update, "1")
	b.register(chferry.Delete, "2")
}

// wantSource wants the view to show what the source holds.
func (b *bundle) wantSource() {
	b.t.Helper()
	rows, err := b.source.Query(b.ctx(), "SELECT id || ' ' || name FROM users ORDER BY id")
	b.ok(err)
	want, err := pgx.CollectRows(rows, pgx.RowTo[string])
	b.ok(err)
	b.wantTexts("SELECT concat(id, ' ', name) FROM users_current ORDER BY id", want...)
}
