package api

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"strings"
)

// guard lets through who may use the API.
type guard struct {
	digests [][sha256.Size]byte // of the tokens; comparing them takes the same time whatever the token's length
	origin  *http.CrossOriginProtection
}

func newGuard(tokens []string) *guard {
	g := &guard{origin: http.NewCrossOriginProtection()}
	for _, token := range tokens {
		g.digests = append(g.digests, sha256.Sum256([]byte(token)))
	}
	return g
}

// check returns nil if the request may be answered.
func (g *guard) check(w http.ResponseWriter, r *http.Request) error {
	if len(g.digests) == 0 {
		// Without tokens a page of another site, open in a browser on this machine, could steer schedules.
		if g.origin.Check(r) != nil {
			return refuse(http.StatusForbidden, "a browser sent this request for another site, which needs a token: configure api.tokens")
		}
		return nil
	}
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		w.Header().Set("WWW-Authenticate", `Bearer realm="chferry"`)
		return refuse(http.StatusUnauthorized, "a token is needed: send Authorization: Bearer TOKEN")
	}
	if !g.knows(strings.TrimSpace(token)) {
		w.Header().Set("WWW-Authenticate", `Bearer realm="chferry", error="invalid_token"`)
		return refuse(http.StatusUnauthorized, "this token is not one of api.tokens")
	}
	return nil
}

// knows compares with every token, so that its time tells nothing.
func (g *guard) knows(token string) bool {
	digest, found := sha256.Sum256([]byte(token)), 0
	for i := range g.digests {
		found |= subtle.ConstantTimeCompare(digest[:], g.digests[i][:])
	}
	return found == 1
}
