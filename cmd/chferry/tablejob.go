package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/api"
	"github.com/chferry/chferry/config"
	"github.com/chferry/chferry/starter"
	"github.com/chferry/chferry/storage"
	"github.com/chferry/chferry/storage/redis"
)

// tableJob is one call of a verb that starts and steers a workflow which reads whole tables.
type tableJob struct {
	app     *app
	kind    storage.JobKind
	imp     chferry.Import
	storage *redis.Storage
	starter *starter.Starter

	wait, asJSON, status, cancel bool
}

// changed returns those of the flags that the command line has, with their dashes.
func changed(cmd *cobra.Command, names ...string) (found []string) {
	for _, name := range names {
		if cmd.Flags().Changed(name) {
			found = append(found, "--"+name)
		}
	}
	return found
}

// with does something to the jobs of a known key.
func (j *tableJob) with(key string, do func() error) (err error) {
	cfg, imp, err := j.app.loadKey(key)
	if err != nil {
		return err
	}
	j.imp = imp
	if j.storage, err = openStorage(config.NewLive(cfg)); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, j.storage.Close()) }()
	if j.starter, err = j.app.openStarter(cfg, nil); err != nil {
		return err
	}
	defer j.starter.Close()
	return do()
}

func (j *tableJob) steer(ctx context.Context, do func(context.Context, chferry.ImportKey) error, done string) error {
	if err := do(ctx, j.imp.Key); err != nil {
		return err
	}
	_, err := fmt.Fprintf(j.app.out, done+"\n", j.imp.Key)
	return err
}

// started says how to watch a job that was started.
func (j *tableJob) started(id string) error {
	_, err := fmt.Fprintf(j.app.out, "started %s: chferry %s %s --status shows how far it is\n", id, j.kind, j.imp.Key)
	return err
}

// runsAlready adds to the refusal of a second start how far the first job is.
func (j *tableJob) runsAlready(refused error, running api.JobStatus, words string) error {
	return chferry.WrapError(chferry.CodeClaimed, refused,
		"%s runs already (%s): wait for its end with chferry %s %s --status --wait, or end it with --cancel",
		running.WorkflowID, words, j.kind, j.imp.Key)
}

// running returns an error unless the job runs.
func (j *tableJob) running(job chferry.JobStatus, err error) error {
	if err != nil || job.Running {
		return err
	}
	return chferry.Errorf(chferry.CodeInvalid, "no %s of %s runs: chferry %[1]s %[2]s --wait starts one",
		j.kind, j.imp.Key)
}

// watching returns what shows the progress of a job, and what has it shown.
func (j *tableJob) watching(workflowID string) (*jobProgress, starter.JobWatch) {
	shown := &jobProgress{
		meter: newMeter(raw(j.app.errOut), isTerminal(j.app.errOut)), kind: j.kind, key: j.imp.Key,
	}
	if shown.bar != nil {
		shown.note("workflow " + workflowID)
	}
	return shown, starter.JobWatch{
		Look: func(ctx context.Context, job chferry.JobStatus) {
			progress, err := j.storage.RangesProgress(ctx, j.imp.Key, j.kind)
			if err == nil { // else the next look may be answered
				shown.show(api.NewJobStatus(j.imp.Key, job, progress))
			}
		},
		NoWorker: func() {
			shown.note(fmt.Sprintf("waiting: no worker polls task queue %q at %s (start one: chferry worker)",
				j.starter.TaskQueue(), j.starter.Address()))
		},
		Failed: func(step chferry.FailingStep) {
			shown.note(failedWords(api.FailingStep(step)))
		},
	}
}

// superseded is the error of a job that another one took over from.
func (j *tableJob) superseded() error {
	return chferry.Errorf(chferry.CodeSuperseded, "the %s of %s was superseded before its end: by another %[1]s, or a "+
		"flush of the import key", j.kind, j.imp.Key)
}
