package api_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/api"
)

// seeds are bodies, of which the second of each pair is one of lines.
var seeds = []string{
	`{"operation":"insert","pks":["1",["2","\ud83d\ude00"],-3,"\\ufffd\"\n"],"database":"default"}`,
	`{"operation":"delete","pks":[1.5,null,{},"\ud800",1e999999,true,[[]],[]],"database":null}`,
	`{"operation":"update","pks":["",["7","42"],9007199254740993,"\u0000"]}`,
	`{"operation":"update","pks":["1"],"pks":["2"],"\u0070ks":[3]} {}`,
	`{"operation":"update","pk":["1", 2 ],"database":"default"}` + "\n\n" + `{"operation":"delete","pk":"x"}`,
	"\uFEFF" + `{"operation":"insert","pk":1}`,
	`[[[[[[[[{"operation":{"a":[1,"]"]}}]]]]]]]]`,
	"", "null", "{}", "\"\xff\"", `{"operation":"insert","pk":`,
}

// checkAnswer fails unless the answer to a body is one of the contract's, and says whether it was accepted.
func checkAnswer(t *testing.T, response *httptest.ResponseRecorder, body string, lines bool) (registered int) {
	t.Helper()
	switch response.Code {
	case 200:
		if !utf8.ValidString(body) || !lines && !json.Valid([]byte(body)) {
			t.Errorf("accepted %q", body)
		}
		var got struct{ Registered int }
		decode(t, response.Body, &got)
		return got.Registered
	case 400, 413, 422:
		checkProblem(t, response, response.Code)
	default:
		t.Errorf("status %d for %q", response.Code, body)
	}
	return 0
}

func bulk(body string, lines bool) request {
	r := post("/v1/imports/bulk/operations", body)
	if lines {
		r.contentType = "application/x-ndjson"
	}
	return r
}

// Whatever is sent, the answer is one of the contract's, and only JSON in UTF-8 is accepted.
func FuzzRegister(f *testing.F) {
	for _, seed := range seeds {
		f.Add(seed, false)
		f.Add(seed, true)
		f.Add(strings.Replace(seed, "pks", "pk", 1), true)
	}
	b := setup(f, func(o *api.Options) { o.Registrar = nowhere{} })
	f.Fuzz(func(t *testing.T, body string, lines bool) {
		checkAnswer(t, b.do(bulk(body, lines)), body, lines)
	})
}

// TestMalformed sends thousands of bodies that were right once. Redis has what was answered with 200, and nothing else.
func TestMalformed(t *testing.T) {
	t.Parallel()
	b, random, want := setup(t, nil), rand.New(rand.NewPCG(1, 2)), 0
	for range 10_000 {
		body, lines := mutate(random, seeds[random.IntN(len(seeds))]), random.IntN(2) == 0
		want += checkAnswer(t, b.do(bulk(body, lines)), body, lines)
	}
	if n, err := b.storage.OperationsCount(t.Context(), "bulk"); n != int64(want) || err != nil || n == 0 {
		t.Errorf("%d operations are registered, %v; the answers say %d", n, err, want)
	}
}

// mutate drops, doubles or replaces bytes, or puts a part of another seed into the body.
func mutate(random *rand.Rand, body string) string {
	const bytes = "{}[]\",:\\0-1e.tn \n\x00\xff\xc3u"
	for range random.IntN(4) {
		if body == "" {
			break
		}
		from := random.IntN(len(body))
		to := from + random.IntN(min(len(body)-from, 8)+1)
		between := ""
		switch random.IntN(4) {
		case 0:
			between = string(bytes[random.IntN(len(bytes))])
		case 1:
			between = strings.Repeat(body[from:to], random.IntN(3))
		case 2:
			other := seeds[random.IntN(len(seeds))]
			between = other[random.IntN(len(other)+1):]
		}
		body = body[:from] + between + body[to:]
	}
	return body
}

// TestMalformedRequests draws methods, paths, queries and headers. No answer is a 5xx, all refusals
// are problems, and Redis has what was answered with 200.
func TestMalformedRequests(t *testing.T) {
	t.Parallel()
	b, random, want := setup(t, nil), rand.New(rand.NewPCG(3, 4)), 0
	pick := func(from ...string) string { return from[random.IntN(len(from))] }
	for range 5_000 {
		r := httptest.NewRequest(pick("GET", "POST", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PURGE", "post"),
			"http://localhost/",
			strings.NewReader(pick("", `{"operation":"insert","pks":["1"]}`, `{"operation":"insert","pk":"1"}`, "{")))
		r.URL.Path = "/v1/imports/" +
			pick("bulk", "bulk", "", "BULK", "b\x00ulk", "\xff", "bulk/..", strings.Repeat("k", 9000), "{key}",
				"bulk%00") +
			pick("/operations", "/operations", "/operations/", "/sync", "/pause", "/failed", "/failed/retry",
				"/positions", "")
		r.URL.RawQuery = pick("", "", "", "", "", "", "", "", "confirm=users", "confirm=bulk&confirm=bulk", "wait=\xff",
			"confirm=%62ulk;", "note=%ff", "note=%zz", "note=\x00", "note="+strings.Repeat("n", 1001), "&&=",
			"wait=10s")
		r.Header = http.Header{
			"Content-Type": {pick("application/json", "application/json; charset=utf-8", "application/x-ndjson",
				"text/plain", "a/b;c", "", "\xff")},
			"Content-Encoding": {pick("", "", "", "identity", "gzip", "\x00")},
			"Authorization":    {pick("", "Bearer", "Bearer x", "Basic \xff")},
		}
		response := httptest.NewRecorder()
		b.handler.ServeHTTP(response, r)
		switch {
		case response.Code >= 500:
			t.Errorf("%s %q: status %d: %s", r.Method, r.URL, response.Code, response.Body)
		case response.Code >= 400:
			checkProblem(t, response, response.Code)
		case strings.Contains(response.Body.String(), "registered"):
			want++
		}
	}
	if n, err := b.storage.OperationsCount(t.Context(), "bulk"); n != int64(want) || err != nil || n == 0 {
		t.Errorf("%d operations are registered, %v; the answers say %d", n, err, want)
	}
	for _, call := range b.schedules.calls {
		if !utf8.ValidString(call) {
			t.Errorf("Temporal is asked to %q", call)
		}
	}
}

// TestBodyMemory: what a body costs is a small multiple of its size, whatever it holds. It runs
// alone, because what is counted is the whole process's.
func TestBodyMemory(t *testing.T) { //nolint:paralleltest // see above
	const size = 4 << 20 // a quarter of what is allowed costs a quarter
	fill := func(before, part, after string) string {
		return before + strings.Repeat(part, (size-len(before)-len(after))/len(part)) + after
	}
	const head = `{"operation":"insert","pks":[`
	tests := map[string]struct {
		body   string
		lines  bool
		status int
	}{
		"numbers":          {fill(head, "1,", "1]}"), false, 413},
		"empty texts":      {fill(head, `"",`, `""]}`), false, 413},
		"one long key":     {fill(head+"[", "1,", "1]]}"), false, 422},
		"nested lists":     {fill(head+"[", "[1],", "1]]}"), false, 422},
		"one long number":  {fill(head, "1", "]}"), false, 422},
		"one long text":    {fill(head+`"`, `\n`, `"]}`), false, 422},
		"unknown field":    {fill(`{"more":[`, "1,", "1]}"), false, 400},
		"lines":            {fill("", "{\"operation\":\"insert\",\"pk\":1}\n", ""), true, 413},
		"empty objects":    {fill("", "{}\n", ""), true, 422},
		"one long line":    {fill(`{"operation":"insert","pk":[`, "1,", "1]}"), true, 422},
		"many lines' ends": {fill("", "\n", ""), true, 422},
	}
	b := setup(t, func(o *api.Options) { o.Registrar = nowhere{} })
	for name, test := range tests {
		t.Run(name, func(t *testing.T) { //nolint:paralleltest // see above
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			b.want(t, bulk(test.body, test.lines), test.status)
			runtime.ReadMemStats(&after)
			if got, limit := after.TotalAlloc-before.TotalAlloc, uint64(16*size); got > limit {
				t.Errorf("a body of %d MiB took %d MiB, want at most %d", size>>20, got>>20, limit>>20)
			}
		})
	}
}

// stalled is a registrar that answers once it is let go.
type stalled struct{ arrived, release chan struct{} }

func (s stalled) RegisterOperations(_ context.Context, _ chferry.ImportKey, ops ...chferry.Operation) (int, error) {
	s.arrived <- struct{}{}
	<-s.release
	return len(ops), nil
}

// TestBusy: more than the API has memory for is refused while it is, and may be sent again.
func TestBusy(t *testing.T) {
	t.Parallel()
	body := `{"operation":"insert","pks":["` + strings.Repeat("x", 1000) + `"]}`
	tests := map[string]struct{ requests, bodies int64 }{
		"requests": {3, 1 << 20},
		"bodies":   {100, int64(3*len(body) + 10)},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := stalled{make(chan struct{}), make(chan struct{})}
			b := setup(t, func(o *api.Options) { o.Registrar = s })
			b.handler = api.NewBounded(b.opts, test.requests, test.bodies)
			var running sync.WaitGroup
			for range 3 {
				running.Go(func() {
					if response := b.do(bulk(body, false)); response.Code != 200 {
						t.Errorf("status %d: %s", response.Code, response.Body)
					}
				})
				<-s.arrived
			}
			response := b.want(t, bulk(body, false), 503)
			if response.Header().Get("Retry-After") == "" ||
				!strings.Contains(response.Body.String(), "ask again later") {
				t.Errorf("got %v %s", response.Header(), response.Body)
			}
			b.want(t, get("/healthz"), 200)
			close(s.release)
			running.Wait()
			go func() { <-s.arrived }()
			b.want(t, bulk(body, false), 200)
		})
	}
}

// TestBodyThatDoesNotCome: what a Content-Length promises is not kept room for, and a body that
// ends early registers nothing.
func TestBodyThatDoesNotCome(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	for length, status := range map[int64]int{16 << 20: 400, 16<<20 + 1: 413} {
		t.Run(fmt.Sprint(length), func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequest(http.MethodPost, "http://localhost/v1/imports/bulk/operations",
				io.MultiReader(strings.NewReader(`{"operation":"insert","pks":["1"]`), gone{}))
			r.ContentLength = length
			r.Header.Set("Content-Type", "application/json")
			response := httptest.NewRecorder()
			b.handler.ServeHTTP(response, r)
			if response.Code != status {
				t.Errorf("status %d, want %d", response.Code, status)
			}
			checkProblem(t, response, response.Code)
		})
	}
}

// gone is a body whose client went away.
type gone struct{}

func (gone) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }
