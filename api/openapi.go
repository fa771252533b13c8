package api

import (
	_ "embed"
	"net/http"
)

// openAPI describes every route for generators of clients. A test holds it against the routes.
//
//go:embed openapi.json
var openAPI []byte

func getOpenAPI(w http.ResponseWriter, _ *http.Request) error {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(openAPI) // it can fail only because the client is gone
	return nil
}
