package postgres

import (
	"context"
	"time"

	"github.com/chferry/chferry/source"
)

// SetPatience sets how long s waits for its primary to answer and for a standby to catch up.
func SetPatience(s source.Source, d time.Duration) { s.(*Source).patience = d }

// Fail translates an error of the server's for a call that has time left.
func Fail(s source.Source, err error) error {
	return s.(*Source).fail(context.Background(), err, "public.users")
}
