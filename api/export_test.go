package api

import "net/http"

// Routes are all routes, for the test that holds openapi.json against them.
func Routes(opts Options) (list [][2]string) {
	for _, r := range (&server{Options: opts}).routes() {
		list = append(list, [2]string{r.method, r.path})
	}
	return list
}

// NewBounded is New with room for fewer requests at a time, and for fewer bytes of their bodies.
func NewBounded(opts Options, requests, bodies int64) http.Handler {
	s := newServer(opts)
	s.requests, s.bodies = newBudget(requests), newBudget(bodies)
	return s.handler()
}
