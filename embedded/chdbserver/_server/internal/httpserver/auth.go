package httpserver

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"net/url"

	"github.com/chferry/chferry/embedded/chdbserver/internal/chdb"
)

// user is the only one.
const user = "default"

// authenticate looks for name and password in the places where ClickHouse does.
func (h *Handler) authenticate(r *http.Request, query url.Values) error {
	name, password, found := r.BasicAuth()
	if !found && r.Header.Get("X-ClickHouse-User") != "" {
		name, password = r.Header.Get("X-ClickHouse-User"), r.Header.Get("X-ClickHouse-Key")
	} else if !found {
		name, password = query.Get("user"), query.Get("password")
	}
	if name != user && name != "" || !same(password, h.password) {
		return chdb.Errorf(chdb.AuthenticationFailed,
			"Authentication failed: password is incorrect, or there is no user with such name")
	}
	return nil
}

// same compares without telling by the time it takes how much is the same.
func same(a, b string) bool {
	first, second := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(first[:], second[:]) == 1
}
