package api_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/api"
)

const operations = "/v1/imports/users/operations"

// Every status that the contract names, by what leads to it. Nothing of a refused request is registered.
func TestStatuses(t *testing.T) {
	t.Parallel()
	ndjson := func(body string) request {
		return request{
			method: http.MethodPost, path: operations, contentType: "application/x-ndjson; charset=utf-8",
			body: body,
		}
	}
	typed := func(contentType string, header map[string]string) request {
		return request{
			method: http.MethodPost, path: operations, contentType: contentType, header: header,
			body: `{"operation":"insert","pks":["1"]}`,
		}
	}
	method := func(method, path string) request { return request{method: method, path: path} }
	many := func(n int) string { return strings.TrimSuffix(strings.Repeat(`1,`, n), ",") }
	const object = "a JSON object is needed, with the fields operation, database, pks; this is: "
	tests := map[string]struct {
		request request
		status  int
		detail  string
	}{
		"not JSON": {post(operations, `{"operation":`), 400, "the JSON ends too early"},
		"no body":  {post(operations, ""), 400, "the body is empty: send JSON such as "},
		"syntax":   {post(operations, `{"operation":"insert",}`), 400, "not JSON at byte 23"},
		"unknown field": {
			post(operations, `{"operation":"insert","pks":["1"],"pk":"1"}`), 400,
			`unknown field \"pk\": the fields are operation, database, pks`,
		},
		"trailing data": {post(operations, `{"operation":"insert","pks":["1"]} {}`), 400, "something behind"},
		"a list":        {post(operations, `[]`), 400, object + "array"},
		"field of wrong type": {
			post(operations, `{"operation":1,"pks":["1"]}`), 400,
			"field operation must be a string, this is: number",
		},
		"pks of wrong type": {
			post(operations, `{"operation":"insert","pks":"1"}`), 400,
			`field pks must be a list of primary keys, such as [\"1\", \"2\"], this is: string`,
		},
		"field twice": {
			post(operations, `{"operation":"insert","pks":["1"],"pks":["2"]}`), 400,
			"field pks stands twice: keep one",
		},
		"field twice in line": {
			ndjson(`{"operation":"insert","pk":"1","\u0070k":"2"}`), 400, "operation 1: field pk stands twice",
		},
		"field of other case": {post(operations, `{"operation":"insert","PKS":["1"]}`), 400, `unknown field \"PKS\"`},
		"byte order mark": {
			post(operations, "\uFEFF"+`{"operation":"insert","pks":["1"]}`), 400,
			"byte order mark",
		},
		"null":             {post(operations, `null`), 400, object + "null"},
		"number":           {post(operations, `1e999999`), 400, object + "number"},
		"only white space": {post(operations, " \n"), 400, "the body is empty: send JSON such as "},
		"cut off":          {post(operations, `{"operation":"insert","pks":["1`), 400, "the JSON ends too early"},
		"too deep": {
			post(operations, `{"operation":"insert","pks":[`+strings.Repeat("[", 20_000)), 400,
			"not JSON at byte",
		},
		"database of a number": {
			post(operations, `{"operation":"insert","pks":["1"],"database":7}`), 400,
			"field database must be a string, this is: number",
		},
		"half a pair in alias": {
			post(operations, `{"operation":"insert","pks":["1"],"database":"\ud800"}`), 400,
			"field database: there is half of a surrogate pair",
		},
		"pks of an object": {
			post(operations, `{"operation":"insert","pks":{"1":2}}`), 400,
			`field pks must be a list of primary keys, such as [\"1\", \"2\"], this is: object`,
		},
		"line of a list": {
			ndjson(`["insert","1"]`), 400,
			"operation 1: a JSON object is needed, with the fields operation, database, pk; this is: array",
		},
		"line of wrong type": {
			ndjson(`{"operation":true,"pk":"1"}`), 400,
			"operation 1: field operation must be a string, this is: bool",
		},
		"not UTF-8": {post(operations, "{\"operation\":\"insert\",\"pks\":[\"\xff\"]}"), 400, "not UTF-8"},
		"line not JSON": {
			ndjson("{\"operation\":\"insert\",\"pk\":\"1\"}\n{\"operation\"\n"), 400,
			"operation 2: ",
		},
		"line of unknown": {
			ndjson(`{"operation":"insert","pks":["1"]}`), 400,
			`operation 1: unknown field \"pks\": the fields are operation, database, pk`,
		},
		"flush unconfirmed": {method(http.MethodDelete, operations), 400, "confirm it with ?confirm=users"},
		"flush of another":  {method(http.MethodDelete, operations+"?confirm=orders"), 400, "confirm"},
		"two on a line": {
			ndjson("\n{\"operation\":\"insert\",\"pk\":1} {\"operation\":\"insert\",\"pk\":2}\n"),
			400, "line 2: there is something behind the JSON object",
		},
		"one on two lines": {
			ndjson("{\"operation\":\"insert\",\n\"pk\":1}\n"), 400, "line 1: the JSON ends too early",
		},
		"unknown parameter": {
			post("/v1/imports/users/pause?nite=x", ""), 400,
			"unknown query parameter \\\"nite\\\": this route takes note",
		},
		"no parameters": {
			method(http.MethodGet, "/v1/imports/users?pretty"), 400,
			"unknown query parameter \\\"pretty\\\": this route takes none",
		},
		"confirmed twice": {
			method(http.MethodDelete, operations+"?confirm=users&confirm=orders"), 400,
			"confirm stands twice: keep one",
		},
		"note not UTF-8": {post("/v1/imports/users/pause?note=%ff", ""), 400, "UTF-8"},
		"query":          {post("/v1/imports/users/resume?note=100%", ""), 400, "percent-encoded"},
		"note too long": {
			post("/v1/imports/users/pause?note="+strings.Repeat("x", 1001), ""), 400,
			"1000 bytes",
		},
		"unknown key": {
			post("/v1/imports/nope/operations", `{"operation":"insert","pks":["1"]}`), 404,
			`restart the API after a change of the file; it has users, orders, bulk`,
		},
		"unknown key to get":  {get("/v1/imports/nope"), 404, "not configured"},
		"unknown key to sync": {post("/v1/imports/nope/sync", ""), 404, "not configured"},
		"unknown route":       {get("/v2/imports"), 404, "no such route"},
		"method":              {get(operations), 405, `this route takes DELETE, POST, not \"GET\"`},
		"method of list":      {method(http.MethodPut, "/v1/imports"), 405, `this route takes GET, HEAD, not \"PUT\"`},
		"too many": {
			post(operations, `{"operation":"insert","pks":[`+many(10_001)+`]}`), 413,
			"at most 10000 operations",
		},
		"too many lines": {
			ndjson(strings.Repeat("{\"operation\":\"insert\",\"pk\":1}\n", 10_001)), 413,
			"at most 10000 operations",
		},
		"too large": {post(operations, strings.Repeat(" ", 16<<20+1)), 413, "16777216 bytes"},
		"form": {
			typed("application/x-www-form-urlencoded", nil), 415, "send Content-Type: application/json",
		},
		"charset":          {typed("application/json; charset=utf-16", nil), 415, "leave charset out of Content-Type"},
		"charset of lines": {typed("application/x-ndjson; Charset=\"ISO-8859-1\"", nil), 415, "is read as UTF-8"},
		"charset behind what can't be read": {
			typed("application/json; charset=utf-16; x", nil), 415, "send Content-Type: application/json",
		},
		"no media type": {typed("", nil), 415, "send Content-Type"},
		"compressed": {
			typed("application/json", map[string]string{"Content-Encoding": "gzip"}), 415,
			"without Content-Encoding",
		},
		"kind": {
			post(operations, `{"operation":"upsert","pks":["1"]}`), 422,
			"operation 1: operation must be insert, update or delete",
		},
		"no kind":   {post(operations, `{"pks":["1"]}`), 422, "the operation is missing: say insert, "},
		"no pks":    {post(operations, `{"operation":"insert"}`), 422, "nothing to register"},
		"empty pks": {post(operations, `{"operation":"insert","pks":[]}`), 422, "nothing to register"},
		"no lines":  {ndjson("\n"), 422, "nothing to register"},
		"second of no values": {
			post(operations, `{"operation":"insert","pks":["",[]]}`), 422,
			"operation 2: a primary key must have at least one value",
		},
		"pk of no values": {post(operations, `{"operation":"insert","pks":[[]]}`), 422, "at least one value"},
		"null in pks": {
			post(operations, `{"operation":"insert","pks":["1",null]}`), 422,
			"operation 2: a primary key must be a string, an integer, or a list",
		},
		"a float":     {post(operations, `{"operation":"insert","pks":[1.5]}`), 422, "a primary key must be"},
		"an exponent": {post(operations, `{"operation":"insert","pks":[1e3]}`), 422, "a primary key must be"},
		"null pks":    {post(operations, `{"operation":"insert","pks":null}`), 422, "nothing to register"},
		"an endless exponent": {
			post(operations, `{"operation":"insert","pks":[1e999999]}`), 422, "a primary key must be",
		},
		"a million digits": {
			post(operations, `{"operation":"insert","pks":[`+strings.Repeat("9", 1<<20)+`]}`), 422,
			"at most 65536 bytes",
		},
		"too many values": {
			post(operations, `{"operation":"insert","pks":[[`+many(33)+`]]}`), 422,
			"operation 1: a primary key has at most 32 values",
		},
		"a bool":    {post(operations, `{"operation":"insert","pks":[true]}`), 422, "a primary key must be"},
		"an object": {post(operations, `{"operation":"insert","pks":[{}]}`), 422, "a primary key must be"},
		"a list in a list": {
			post(operations, `{"operation":"insert","pks":[[["1"]]]}`), 422, "a primary key must be",
		},
		"half a pair": {
			post(operations, `{"operation":"insert","pks":["\ud83d"]}`), 422, "half of a surrogate pair",
		},
		"half and replacement": {
			post(operations, `{"operation":"insert","pks":["\\ufffd\udc00"]}`), 422,
			"half of a surrogate pair",
		},
		"line without pk": {ndjson(`{"operation":"insert"}`), 422, "operation 1: a primary key must be"},
		"pk too large": {
			post(operations, `{"operation":"insert","pks":["`+strings.Repeat("x", 64<<10+1)+`"]}`),
			422, "at most 65536 bytes",
		},
		"database": {
			post(operations, `{"operation":"insert","pks":["1"],"database":"eu"}`), 422,
			`operation 1: database \"eu\" is not one of import key users, which has `,
		},
		"database needed": {
			post("/v1/imports/orders/operations", `{"operation":"insert","pks":[["1","2"]]}`), 422,
			`database \"default\" is not one of import key orders`,
		},
		"wrong length": {
			post("/v1/imports/orders/operations",
				`{"operation":"insert","pks":[["1","2"],["1"]],"database":"eu"}`), 422,
			"operation 2: the primary key of orders has 2 values, [shop_id number], this one has 1",
		},
		"queue full": {post(operations, `{"operation":"insert","pks":[1,2,3,4,5,6]}`), 429, ""},
	}
	b := setup(t, nil)
	t.Run("refused", func(t *testing.T) {
		for name, test := range tests {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				response := b.want(t, test.request, test.status)
				if got := response.Body.String(); !strings.Contains(got, test.detail) {
					t.Errorf("got %s, want %s", got, test.detail)
				}
				header := map[int]string{405: "Allow", 429: "Retry-After"}[test.status]
				if header != "" && response.Header().Get(header) == "" {
					t.Errorf("no %s in %v", header, response.Header())
				}
			})
		}
	})
	for _, i := range imports {
		if n, err := b.storage.OperationsCount(t.Context(), i.Key); n != 0 || err != nil {
			t.Errorf("%d operations of %s were registered by refused requests, %v", n, i.Key, err)
		}
	}
}

func TestStorageErrors(t *testing.T) {
	t.Parallel()
	secret := errors.New("dial redis://:hunter2@h")
	tests := map[string]struct {
		err    error
		status int
		detail string
	}{
		"unavailable": {errDown, 503, "a server does not answer"},
		"slow":        {fmt.Errorf("read: %w", context.DeadlineExceeded), 503, "did not answer in time"},
		"denied": {
			chferry.WrapError(chferry.CodeAccessDenied, secret, "Redis refuses the password"), 503,
			"Redis refuses the password",
		},
		"full": {chferry.Errorf(chferry.CodeQueueFull, "full"), 429, "full"},
		"other": {
			chferry.WrapError(chferry.CodeConfiguration, secret, "Redis is set up wrongly"), 500,
			"Redis is set up wrongly",
		},
		"unknown": {secret, 500, "this failed for a reason that the API's log tells"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var log bytes.Buffer
			b := setup(t, func(o *api.Options) {
				withBroken(test.err)(o)
				o.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
			})
			for _, r := range []request{
				post(operations, `{"operation":"insert","pks":["pk-1"]}`),
				get("/v1/imports"), get("/v1/imports/users"),
				{method: http.MethodDelete, path: operations + "?confirm=users"},
			} {
				response := b.want(t, r, test.status)
				if got := response.Body.String(); !strings.Contains(got, test.detail) ||
					strings.Contains(got, "hunter2") {
					t.Errorf("%s %s: got %s, want %s", r.method, r.path, got, test.detail)
				}
				if got := response.Header().Get("Retry-After"); (got != "") != (test.status == 503 ||
					test.status == 429) {
					t.Errorf("%s %s: Retry-After is %q", r.method, r.path, got)
				}
			}
			if strings.Contains(log.String(), "hunter2") || strings.Contains(log.String(), "pk-1") {
				t.Errorf("the log holds what it must not: %s", &log)
			}
			if failed := strings.Contains(log.String(), "level=ERROR"); failed != (test.status == 500) {
				t.Errorf("log: %s", &log)
			}
		})
	}
}

func TestPanic(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	b := setup(t, func(o *api.Options) {
		o.Metrics = http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("secret of hunter2") })
		o.Log = slog.New(slog.NewTextHandler(&log, nil))
	})
	response := b.want(t, get("/metrics"), 500)
	if got := response.Body.String(); !strings.Contains(got, "the API's log tells") {
		t.Errorf("got %s", got)
	}
	if !strings.Contains(log.String(), "request panicked") || strings.Contains(log.String(), "hunter2") {
		t.Errorf("log: %s", &log)
	}
}

// A response that has begun can't become a problem any more: the connection is cut, so that the client knows.
func TestPanicInBody(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *api.Options) {
		o.Metrics = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte("half"))
			panic("half")
		})
	})
	defer func() {
		if err, _ := recover().(error); !errors.Is(err, http.ErrAbortHandler) {
			t.Errorf("got %v, want http.ErrAbortHandler", err)
		}
	}()
	b.handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "http://localhost/metrics", nil))
}

func TestLog(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	b := setup(t, func(o *api.Options) {
		o.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	b.want(t, post(operations, `{"operation":"insert","pks":["pk-1"]}`), 200)
	got := log.String()
	const request = `msg=request method=POST route="POST /v1/imports/{key}/operations" status=200 seconds=`
	if !strings.Contains(got, request) ||
		strings.Count(got, "\n") != 1 || strings.Contains(got, "pk-1") {
		t.Errorf("got %s", got)
	}
}
