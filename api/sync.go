package api

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/chferry/chferry"
)

// maxNote bounds the note of pause and resume, in bytes; Temporal keeps it with the schedule.
const maxNote = 1000

// accepted is the answer to what steers a schedule.
type accepted struct {
	Key chferry.ImportKey `json:"import_key"`
}

func (s *server) sync(w http.ResponseWriter, r *http.Request, i chferry.Import) error {
	ctx, cancel := context.WithTimeout(r.Context(), temporalTimeout)
	defer cancel()
	if err := s.Schedules.Trigger(ctx, i.Key); err != nil {
		return fmt.Errorf("trigger %s: %w", i.Key, err)
	}
	return writeJSON(w, http.StatusAccepted, accepted{i.Key})
}

func (s *server) pause(w http.ResponseWriter, r *http.Request, i chferry.Import) error {
	return steer(w, r, i.Key, "paused through the API", s.Schedules.Pause)
}

func (s *server) resume(w http.ResponseWriter, r *http.Request, i chferry.Import) error {
	return steer(w, r, i.Key, "resumed through the API", s.Schedules.Resume)
}

// steer calls do with the request's note, or with a default one.
func steer(w http.ResponseWriter, r *http.Request, key chferry.ImportKey, note string,
	do func(ctx context.Context, key chferry.ImportKey, note string) error,
) error {
	given := strings.TrimSpace(r.URL.Query().Get("note"))
	if len(given) > maxNote {
		return refuse(http.StatusBadRequest, fmt.Sprintf("a note has at most %d bytes", maxNote))
	}
	if given != "" {
		note = given
	}
	ctx, cancel := context.WithTimeout(r.Context(), temporalTimeout)
	defer cancel()
	if err := do(ctx, key, note); err != nil {
		return fmt.Errorf("steer the schedule of %s: %w", key, err)
	}
	return writeJSON(w, http.StatusOK, accepted{key})
}
