package chferry

import "time"

// Schedule is what Temporal knows of an import key's schedule.
type Schedule struct {
	Paused bool      `json:"paused"`
	Note   string    `json:"note,omitempty"`
	Spec   string    `json:"spec"`                       // "every 5s", "cron */5 * * * *" or "by hand"
	Next   time.Time `json:"next_run,omitzero"`          // zero: none is planned
	Last   time.Time `json:"last_run,omitzero"`          // zero: none that Temporal remembers
	LastID string    `json:"last_workflow_id,omitempty"` // the workflow of the last run
	// Running tells whether a sync that it started is running.
	Running bool `json:"running"`
}
