package api_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/chferry/chferry/api"
)

func TestTokens(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *api.Options) { o.Tokens = []string{"first-token", "second-token"} })
	closed := []request{
		get("/v1/imports"), get("/v1/imports/users"), get("/metrics"), get("/openapi.json"), get("/nope"),
		get(operations),
		post(operations, `{"operation":"insert","pks":["1"]}`), post("/v1/imports/users/sync", ""),
		post("/v1/imports/users/pause", ""), post("/v1/imports/users/resume", ""), post("/v1/imports/nope/sync", ""),
		{method: "DELETE", path: operations + "?confirm=users"},
	}
	for _, r := range closed {
		for header, challenge := range map[string]string{
			"": `Bearer realm="chferry"`, "Basic first-token": `Bearer realm="chferry"`,
			"first-token":         `Bearer realm="chferry"`,
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

// TestEmptyToken: an empty token among the tokens is nobody's.
func TestEmptyToken(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *api.Options) { o.Tokens = []string{""} })
	for _, header := range []string{"", "Bearer", "Bearer "} {
		r := get("/v1/imports")
		r.header = map[string]string{"Authorization": header}
		b.want(t, r, 401)
	}
}

// TestHost: without tokens a page whose name was made to point to this machine reads nothing.
func TestHost(t *testing.T) {
	t.Parallel()
	hosts := map[string]bool{
		"127.0.0.1": true, "127.0.0.1:8088": true, "127.0.0.2:1": true, "localhost": true, "localhost:8088": true,
		"LocalHost:8088": true, "localhost.": true, "localhost.:8088": true, "[::1]": true, "[::1]:8088": true,
		"[0:0:0:0:0:0:0:1]:8088": true, "[::ffff:127.0.0.1]:8088": true,
		"": false, "evil.example": false, "evil.example:8088": false, "127.0.0.1.evil.example": false,
		"localhost.evil.example:8088": false, "evil.localhost": false, "127.0.0.1:8088.evil.example": false,
		"localhost:evil": false, "localhost..": false,
		"0.0.0.0:8088": false, "[::]:8088": false, "192.168.0.1:8088": false, "[::ffff:192.168.0.1]": false,
		"127.1": false, "2130706433": false, "0x7f000001": false, "localhost@evil.example": false,
		"[localhost]": false, "[": false, ":8088": false, "127.0.0.1, evil.example": false,
	}
	paths := []string{
		"/v1/imports", "/v1/imports/users/failed", "/metrics", "/openapi.json", "/healthz", "/readyz",
		"/nope",
	}
	b := setup(t, nil)
	send := func(method, path, host string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, path, strings.NewReader(`{"operation":"insert","pks":["1"]}`))
		r.Host = host
		r.Header.Set("Content-Type", "application/json")
		response := httptest.NewRecorder()
		b.handler.ServeHTTP(response, r)
		return response
	}
	for host, ours := range hosts {
		for _, path := range paths {
			response := send("GET", path, host)
			if got := response.Code != 403; got != ours {
				t.Errorf("GET %s of host %q: status %d", path, host, response.Code)
			}
			if !ours {
				checkProblem(t, response, 403)
			}
		}
		if !ours {
			checkProblem(t, send("POST", operations, host), 403)
			checkProblem(t, send("DELETE", operations+"?confirm=users", host), 403)
			checkProblem(t, send("OPTIONS", operations, host), 403)
		}
	}
	if n, err := b.storage.OperationsCount(t.Context(), "users"); n != 0 || err != nil {
		t.Errorf("%d operations are registered, %v", n, err)
	}
}

// TestHostWithTokens: a token is proof enough, whatever name the API is reached by.
func TestHostWithTokens(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *api.Options) { o.Tokens = []string{"first-token"} })
	r := httptest.NewRequest(http.MethodGet, "http://chferry.example/v1/imports", nil)
	r.Header.Set("Authorization", "Bearer first-token")
	response := httptest.NewRecorder()
	if b.handler.ServeHTTP(response, r); response.Code != 200 {
		t.Errorf("status %d: %s", response.Code, response.Body)
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
