package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

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
		return cannotSteer(i.Key, err)
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
	query, err := readQuery(r)
	if err != nil {
		return err
	}
	given := strings.TrimSpace(query.Get("note"))
	if len(given) > maxNote || !utf8.ValidString(given) {
		return refuse(http.StatusBadRequest, fmt.Sprintf("a note has at most %d bytes, in UTF-8", maxNote))
	}
	if given != "" {
		note = given
	}
	ctx, cancel := context.WithTimeout(r.Context(), temporalTimeout)
	defer cancel()
	if err = do(ctx, key, note); err != nil {
		return cannotSteer(key, err)
	}
	return writeJSON(w, http.StatusOK, accepted{key})
}

// readQuery returns the query of a request. [url.URL.Query] would leave out what it can't read,
// which may be what matters.
func readQuery(r *http.Request) (url.Values, error) {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, refuse(http.StatusBadRequest,
			"the query can't be read: write name=value, percent-encoded and joined by &")
	}
	return query, nil
}

// cannotSteer makes a conflict of a schedule that is missing or set up wrongly: the request is
// right, and whoever sent it can mend what it met. It is no mistake of the API, which would be a
// 500.
func cannotSteer(key chferry.ImportKey, err error) error {
	var known *chferry.Error
	if errors.As(err, &known) && known.Code == chferry.CodeConfiguration {
		return &statusError{status: http.StatusConflict, detail: known.Message, code: known.Code}
	}
	return fmt.Errorf("steer the schedule of %s: %w", key, err)
}
