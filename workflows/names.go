// Package workflows holds the durable workflows: what chferry does, step by step, as a Temporal team reads it.
//
// A workflow's code is replayed against histories that older versions of it wrote.
// docs/workflows.md says how to change one.
package workflows

import (
	"strings"

	"go.temporal.io/sdk/temporal"

	"github.com/chferry/chferry"
)

// Names that histories, schedules and other people's tools hold. They never change.
const (
	SyncName      = "Sync"
	BackfillName  = "Backfill"
	VerifyName    = "Verify"
	ProgressQuery = "progress"
	NudgeSignal   = "nudge"
	PauseSignal   = "pause" // with false: the pause ends
)

// The search attributes by which runs are found in the Temporal UI.
var (
	ImportKeyAttribute = temporal.NewSearchAttributeKeyKeyword("ChferryImportKey")
	OutcomeAttribute   = temporal.NewSearchAttributeKeyKeyword("ChferryOutcome")
	RowsAttribute      = temporal.NewSearchAttributeKeyInt64("ChferryRows")
)

// ScheduleMemo is the memo of each sync that holds the times of its schedule in words: Temporal
// does not give a cron expression back.
const ScheduleMemo = "chferry_schedule"

// The words for the times of a schedule are EveryWord and a duration, or CronWord and an expression.
const (
	EveryWord = "every "
	CronWord  = "cron "
)

// SyncID is the ID of an import key's schedule, and of the workflow that nudges start. The IDs of
// the workflows that the schedule starts have a time behind it.
func SyncID(prefix string, key chferry.ImportKey) string {
	return prefix + ":sync:" + string(key)
}

// BackfillID is the ID of the workflow that copies the whole table of an import key.
func BackfillID(prefix string, key chferry.ImportKey) string {
	return prefix + ":backfill:" + string(key)
}

// VerifyID is the ID of the workflow that compares the table of an import key with its destination. The IDs of the
// workflows that a schedule starts have a time behind it.
func VerifyID(prefix string, key chferry.ImportKey) string {
	return prefix + ":verify:" + string(key)
}

// Token identifies a sync, or a job that reads whole tables, as a claimant: its workflow and the
// first run of the chain of runs that continue each other.
func Token(workflowID, firstRunID string) string {
	return workflowID + "/" + firstRunID
}

// ParseToken is the reverse of [Token]; false if the token is not one.
func ParseToken(token string) (workflowID, firstRunID string, ok bool) {
	i := strings.LastIndexByte(token, '/')
	if i < 0 {
		return "", "", false
	}
	return token[:i], token[i+1:], true
}
