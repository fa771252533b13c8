package api_test

import (
	"strings"
	"testing"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/storage"
)

// fail has one operation of users fail.
func (b *bundle) fail(t *testing.T) {
	t.Helper()
	ctx, op := t.Context(), chferry.Operation{Kind: chferry.Update, PrimaryKey: chferry.PrimaryKey{"7", "x"}}
	_, err := b.storage.RegisterOperations(ctx, "users", op)
	if err == nil {
		_, err = b.storage.PreSync(ctx, "users", storage.PreSyncOptions{Token: "test"})
	}
	var batch chferry.Batch
	if err == nil {
		batch, err = b.storage.GetOperations(ctx, "users", storage.GetOptions{Token: "test"})
	}
	if err == nil {
		err = b.storage.SetAside(ctx, "users", storage.Attempt{Token: "test", BatchID: batch.ID, Number: 1},
			[]chferry.FailedOperation{{Operation: op, Reason: "column id: bad"}})
	}
	if err == nil {
		_, err = b.storage.PostSync(ctx, "users", storage.PostSyncOptions{Token: "test", BatchID: batch.ID, Last: true})
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestFailed(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	const path = "/v1/imports/users/failed"
	list := func(want ...string) {
		t.Helper()
		body := b.want(t, request{path: path}, 200).Body.String()
		for _, w := range want {
			if !strings.Contains(body, w) {
				t.Errorf("the list lacks %q: %s", w, body)
			}
		}
		if len(want) == 0 && strings.TrimSpace(body) != "[]" {
			t.Errorf("the list is %s, want none", body)
		}
	}
	list()
	b.fail(t)
	list(`"database":"default"`, `"operation":"update"`, `"pk":["7","x"]`, `"reason":"column id: bad"`, `"attempts":1`)
	if got := b.want(t, request{method: "POST", path: path + "/retry"},
		200).Body.String(); strings.TrimSpace(got) != `{"retried":1}` {
		t.Errorf("retry answers %s", got)
	}
	list()
	b.fail(t)
	list(`"attempts":2`)
	if got := b.want(t, request{method: "DELETE", path: path},
		200).Body.String(); strings.TrimSpace(got) != `{"discarded":1}` {
		t.Errorf("discard answers %s", got)
	}
	list()
}

func TestFailedWithoutStorage(t *testing.T) {
	t.Parallel()
	b := setup(t, withBroken(errDown))
	for _, r := range []request{
		{path: "/v1/imports/users/failed"},
		{method: "POST", path: "/v1/imports/users/failed/retry"},
		{method: "DELETE", path: "/v1/imports/users/failed"},
	} {
		b.want(t, r, 503)
	}
}
