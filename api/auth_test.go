package api_test

import (
	"strings"
	"testing"

	"github.com/chferry/chferry/api"
)

func TestTokens(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *api.Options) { o.Tokens = []string{"first-token", "second-token"} })
	closed := []request{
		get("/v1/imports"), get("/v1/imports/users"), get("/metrics"), get("/openapi.json"), get("/nope"), get(operations),
		post(operations, `{"operation":"insert","pks":["1"]}`), post("/v1/imports/users/sync", ""),
		post("/v1/imports/users/pause", ""), post("/v1/imports/users/resume", ""), post("/v1/imports/nope/sync", ""),
		{method: "DELETE", path: operations + "?confirm=users"},
	}
	for _, r := range closed {
		for header, challenge := range map[string]string{
			"": `Bearer realm="chferry"`, "Basic first-token": `Bearer realm="chferry"`, "first-token": `Bearer realm="chferry"`,
			"Bearer":              `Bearer realm="chferry", error="invalid_token"`,
			"Bearer wrong":        `Bearer realm="chferry", error="invalid_token"`,
			"Bearer first-token2": `Bearer realm="chferry", error="invalid_token"`,
		} {
			r.header = map[string]string{"Authorization": header}
			response := b.want(t, r, 401)
			if got := response.Header().Get("WWW-Authenticate"); got != challenge {
				t.Errorf("%q: WWW-Authenticate is %s, want %s", header, got, challenge)
			}
			if strings.Contains(response.Body.String(), "token2") {
				t.Errorf("the token is in the answer: %s", response.Body)
			}
		}
	}
	if n, err := b.storage.OperationsCount(t.Context(), "users"); n != 0 || err != nil || len(b.schedules.calls) != 0 {
		t.Errorf("without a token: %d operations, %v, calls %v", n, err, b.schedules.calls)
	}
	for _, header := range []string{"Bearer first-token", "bearer second-token", "Bearer  first-token "} {
		r := get("/v1/imports")
		r.header = map[string]string{"Authorization": header}
		b.want(t, r, 200)
	}
}

func TestNoTokens(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	r := post("/v1/imports/users/sync", "")
	b.want(t, r, 202)
	for header, value := range map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "https://example.org"} {
		r.header = map[string]string{header: value}
		b.want(t, r, 403)
	}
	if len(b.schedules.calls) != 1 {
		t.Errorf("calls %v, want one", b.schedules.calls)
	}
}
