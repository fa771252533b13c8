package api

import (
	"net/http"

	"github.com/chferry/chferry"
)

func (s *server) listImports(w http.ResponseWriter, r *http.Request) error {
	found, err := ReadStatus(r.Context(), s.Administrator, s.Schedules, s.Imports.Imports(), s.Now())
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, found)
}

func (s *server) getImport(w http.ResponseWriter, r *http.Request, i chferry.Import) error {
	found, err := ReadStatus(r.Context(), s.Administrator, s.Schedules, []chferry.Import{i}, s.Now())
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, found[0])
}
