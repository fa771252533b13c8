package postgres

import (
	"time"

	"github.com/chferry/chferry/source"
)

// SetPatience sets how long s waits for its primary to answer and for a standby to catch up.
func SetPatience(s source.Source, d time.Duration) { s.(*Source).patience = d }
