package api_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/chferry/chferry/api"
)

func TestOpenAPI(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	response := b.want(t, get("/openapi.json"), 200)
	var document struct {
		OpenAPI    string
		Paths      map[string]map[string]json.RawMessage
		Components map[string]map[string]json.RawMessage
	}
	if err := json.Unmarshal(response.Body.Bytes(), &document); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(document.OpenAPI, "3.1.") {
		t.Errorf("openapi: got %s", document.OpenAPI)
	}
	var got, want []string
	for path, methods := range document.Paths {
		for method := range methods {
			if method != "parameters" {
				got = append(got, strings.ToUpper(method)+" "+path)
			}
		}
	}
	for _, route := range api.Routes(b.opts) {
		want = append(want, route[0]+" "+route[1])
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("openapi.json has\n%s\nthe routes are\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	for _, reference := range strings.Split(response.Body.String(), `"$ref": "`)[1:] {
		path := strings.Split(strings.SplitN(reference, `"`, 2)[0], "/")
		if len(path) != 4 || document.Components[path[2]][path[3]] == nil {
			t.Errorf("a reference leads nowhere: %s", strings.Join(path, "/"))
		}
	}
}

// A HEAD is a GET without its body, and every route tells its methods.
func TestMethods(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.want(t, request{method: "HEAD", path: "/v1/imports/users"}, 200)
	for path, want := range map[string]string{
		"/v1/imports": "GET, HEAD", "/v1/imports/users": "GET, HEAD", operations: "DELETE, POST",
		"/v1/imports/users/sync": "POST", "/healthz": "GET, HEAD", "/metrics": "GET, HEAD",
	} {
		if got := b.want(t, request{method: "OPTIONS", path: path}, 405).Header().Get("Allow"); got != want {
			t.Errorf("%s: Allow is %q, want %q", path, got, want)
		}
	}
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.want(t, post(operations, `{"operation":"insert","pks":["1","2"]}`), 200)
	got := b.want(t, get("/metrics"), 200).Body.String()
	want := fmt.Sprintf("chferry_operations_registered_total{import_key=%q,operation=%q} 2\n", "users", "insert")
	if !strings.Contains(got, want) {
		t.Errorf("no %q in %s", want, got)
	}
}
