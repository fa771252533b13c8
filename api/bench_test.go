package api_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/api"
)

// nowhere registers nothing, which leaves the cost of the API itself.
type nowhere struct{}

func (nowhere) RegisterOperations(_ context.Context, _ chferry.ImportKey, ops ...chferry.Operation) (int, error) {
	return len(ops), nil
}

// BenchmarkRegister measures POST of one and of many pks, into Redis and without it, without the network's share.
func BenchmarkRegister(b *testing.B) {
	for _, pks := range []int{1, 1_000, 10_000} {
		list := make([]string, pks)
		for i := range list {
			list[i] = fmt.Sprintf("%q", fmt.Sprint(1_000_000+i))
		}
		body := `{"operation":"update","pks":[` + strings.Join(list, ",") + `]}`
		for name, change := range map[string]func(*api.Options){
			"redis": nil,
			"none":  func(o *api.Options) { o.Registrar = nowhere{} },
		} {
			b.Run(fmt.Sprintf("pks=%d/storage=%s", pks, name), func(b *testing.B) {
				bundle := setup(b, change)
				b.ReportAllocs()
				for b.Loop() {
					r := httptest.NewRequest(http.MethodPost, "http://localhost/v1/imports/bulk/operations",
						strings.NewReader(body))
					r.Header.Set("Content-Type", "application/json")
					w := httptest.NewRecorder()
					bundle.handler.ServeHTTP(w, r)
					if w.Code != http.StatusOK {
						b.Fatalf("status %d: %s", w.Code, w.Body)
					}
				}
				b.ReportMetric(float64(b.N)*float64(pks)/b.Elapsed().Seconds(), "operations/s")
				b.StopTimer()
				if err := bundle.storage.Flush(context.Background(), "bulk"); err != nil {
					b.Fatal(err)
				}
			})
		}
	}
}
