package api

import (
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strconv"
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

// checkHost returns nil unless a browser may have sent the request for a page of another site:
// without tokens the page of a name that its owner lets point to this machine could read
// everything. Such a page has its own name in Host.
func (g *guard) checkHost(r *http.Request) error {
	if len(g.digests) > 0 || r.Host != "" && loopback(r.Host) {
		return nil
	}
	return refuse(http.StatusForbidden, fmt.Sprintf(
		"without api.tokens only requests to 127.0.0.1, [::1] or localhost are answered, this one was sent to %.80q: "+
			"use one of these names, or configure api.tokens",
		r.Host))
}

// loopback tells whether a Host header names this machine: as localhost, or by an address, with a
// port or without. Other names may point here too, and elsewhere a moment later.
func loopback(header string) bool {
	host, port, err := net.SplitHostPort(header)
	if err != nil {
		host, port = strings.TrimSuffix(strings.TrimPrefix(header, "["), "]"), ""
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil && port != "" {
		return false
	}
	address, err := netip.ParseAddr(host)
	if err != nil {
		return header[0] != '[' && strings.EqualFold(strings.TrimSuffix(host, "."), "localhost")
	}
	return address.IsLoopback()
}

// check returns nil if the request may be answered.
func (g *guard) check(w http.ResponseWriter, r *http.Request) error {
	if len(g.digests) == 0 {
		// Without tokens a page of another site, open in a browser on this machine, could steer schedules.
		if g.origin.Check(r) != nil {
			return refuse(http.StatusForbidden,
				"a browser sent this request for another site, which needs a token: configure api.tokens")
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
		return refuse(http.StatusUnauthorized,
			"this token is not one of api.tokens, which the API reads when it starts: send one of these")
	}
	return nil
}

// knows compares with every token, so that its time tells nothing. Nobody knows an empty one.
func (g *guard) knows(token string) bool {
	digest, found := sha256.Sum256([]byte(token)), 0
	for i := range g.digests {
		found |= subtle.ConstantTimeCompare(digest[:], g.digests[i][:])
	}
	return found == 1 && token != ""
}
