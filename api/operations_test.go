package api_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/chferry/chferry"
)

func ops(kind chferry.Kind, database string, pks ...chferry.PrimaryKey) []chferry.Operation {
	list := make([]chferry.Operation, len(pks))
	for i, pk := range pks {
		list[i] = chferry.Operation{Kind: kind, Database: database, PrimaryKey: pk}
	}
	return list
}

// What arrives in Redis is what was sent, in order and to the byte.
func TestRegister(t *testing.T) {
	t.Parallel()
	const bulk, orders = "/v1/imports/bulk/operations", "/v1/imports/orders/operations"
	tests := map[string]struct {
		key     chferry.ImportKey
		request request
		want    []chferry.Operation
	}{
		"strings": {
			"bulk",
			post(bulk, `{"operation":"insert","pks":["1","a b","é\u00e9\n\"\\\/"],"database":"default"}`),
			ops(chferry.Insert, "default", chferry.PrimaryKey{"1"}, chferry.PrimaryKey{"a b"},
				chferry.PrimaryKey{"éé\n\"\\/"}),
		},
		"no database": {
			"bulk", post(bulk, `{"operation":"update","pks":["1"]}`), ops(chferry.Update, "", chferry.PrimaryKey{"1"}),
		},
		"null database": {
			"bulk", post(bulk, `{"operation":"update","pks":["1"],"database":null}`),
			ops(chferry.Update, "", chferry.PrimaryKey{"1"}),
		},
		"white space": {
			"bulk",
			post(bulk, " {\n\"database\" :\t\"default\" , \"pks\" : [ \"1\" , 2\r,[ \"3,]}\" ] ] , \"operation\" : "+
				"\"update\" } \n"),
			ops(chferry.Update, "default", chferry.PrimaryKey{"1"}, chferry.PrimaryKey{"2"},
				chferry.PrimaryKey{"3,]}"}),
		},
		"escaped": {
			"bulk", post(bulk, `{"\u006fperation":"upd\u0061te","pks":["\"]}\\"]}`),
			ops(chferry.Update, "", chferry.PrimaryKey{`"]}\`}),
		},
		"integers": {
			"bulk",
			post(bulk, `{"operation":"delete","pks":[1, -5, 123456789012345678901234567890, 9007199254740993, [7]]}`),
			ops(chferry.Delete, "", chferry.PrimaryKey{"1"}, chferry.PrimaryKey{"-5"},
				chferry.PrimaryKey{"123456789012345678901234567890"}, chferry.PrimaryKey{"9007199254740993"},
				chferry.PrimaryKey{"7"}),
		},
		"unicode": {
			"bulk",
			post(bulk, `{"operation":"insert","pks":["\ud83d\ude00","\ufffd\\ufffd`+"\uFFFD"+`","\u0000"]}`),
			ops(chferry.Insert, "", chferry.PrimaryKey{"😀"}, chferry.PrimaryKey{"\uFFFD\\ufffd\uFFFD"},
				chferry.PrimaryKey{"\x00"}),
		},
		"composite": {
			"orders", post(orders, `{"operation":"insert","pks":[["7","42"],[8,"x"]],"database":"us"}`),
			ops(chferry.Insert, "us", chferry.PrimaryKey{"7", "42"}, chferry.PrimaryKey{"8", "x"}),
		},
		"lines": {
			"orders",
			request{
				method: "POST", path: orders, contentType: "application/x-ndjson",
				body: `{"operation":"insert","pk":[1,2],"database":"eu"}` + "\n\n" +
					`{"operation":"delete","pk":["1","3"],"database":"us"}`,
			},
			append(ops(chferry.Insert, "eu", chferry.PrimaryKey{"1", "2"}),
				ops(chferry.Delete, "us", chferry.PrimaryKey{"1", "3"})...),
		},
		"media type": {
			"bulk",
			request{
				method: "POST", path: bulk, contentType: "Application/JSON; charset=UTF-8",
				body: `{"operation":"insert","pks":["1"]}`,
			},
			ops(chferry.Insert, "", chferry.PrimaryKey{"1"}),
		},
		"greatest key": {
			"bulk", post(bulk, `{"operation":"insert","pks":["`+strings.Repeat("x", 64<<10)+`"]}`),
			ops(chferry.Insert, "", chferry.PrimaryKey{strings.Repeat("x", 64<<10)}),
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, nil)
			response := b.want(t, test.request, 200)
			if got, want := response.Body.String(), fmt.Sprintf("{\"registered\":%d}\n", len(test.want)); got != want {
				t.Errorf("got %s, want %s", got, want)
			}
			if got := b.kept(t, test.key); !reflect.DeepEqual(got, test.want) {
				t.Errorf("kept %.300q, want %.300q", got, test.want)
			}
		})
	}
}

func TestRegisterMany(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	var body strings.Builder
	for i := range chferry.MaxOperations {
		fmt.Fprintf(&body, "%c\"%d\"", "[,"[min(i, 1)], i)
	}
	b.want(t, post("/v1/imports/bulk/operations", `{"operation":"insert","pks":`+body.String()+`]}`), 200)
	got := b.kept(t, "bulk")
	if len(got) != chferry.MaxOperations {
		t.Fatalf("kept %d operations, want %d", len(got), chferry.MaxOperations)
	}
	for i, op := range got {
		if op.PrimaryKey[0] != fmt.Sprint(i) {
			t.Fatalf("operation %d is of pk %s", i, op.PrimaryKey[0])
		}
	}
}

// Registering does not need Temporal.
func TestRegisterWithoutTemporal(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.schedules.err = errDown
	b.want(t, post(operations, `{"operation":"insert","pks":["1"]}`), 200)
	if len(b.schedules.calls) != 0 {
		t.Errorf("Temporal was asked to %v", b.schedules.calls)
	}
}

func TestFlush(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.want(t, post(operations, `{"operation":"insert","pks":["1"]}`), 200)
	b.want(t, post("/v1/imports/bulk/operations", `{"operation":"insert","pks":["1"]}`), 200)
	b.want(t, request{method: "DELETE", path: operations + "?confirm=users"}, 204)
	if got := b.kept(t, "users"); len(got) != 0 {
		t.Errorf("users: kept %v", got)
	}
	if got := b.kept(t, "bulk"); len(got) != 1 {
		t.Errorf("bulk: kept %v, want one operation", got)
	}
}
