package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/chferry/chferry/config"
)

// watched is a file that is looked at again and again.
type watched struct {
	path string
	text []byte // as it was taken
	seen []byte // at the last look
}

// changed takes the file's text and reports whether it is another one than before. A text that is
// new is taken at the second look, so that a file that is being written is not taken half.
func (w *watched) changed() bool {
	text, err := os.ReadFile(w.path)
	if err != nil {
		return false // an editor may be replacing it
	}
	before := w.seen
	w.seen = text
	if w.text != nil && (bytes.Equal(text, w.text) || !bytes.Equal(text, before)) {
		return false
	}
	w.text = text
	return true
}

// reload brings a changed configuration into force, unless the configuration is wrong.
func (d *dev) reload(ctx context.Context) {
	cfg, err := config.Load(d.file.path, d.opts.LookupEnv)
	if err != nil {
		d.wrong("config", err)
		d.show.line("config", "API and worker go on with the configuration that they have")
		return
	}
	d.show.line("config", "%s has changed", configFile)
	d.stack.APIAddress = cfg.API.Listen
	d.apply(ctx)
	if d.restart(ctx, d.file.text) {
		d.show.line("config", "%s", d.renewed())
	}
}

// restart ends API and worker and starts them with the configuration file, whose text is given. If
// they don't start with it, they are started with the text that they had before. It reports whether
// they run with the given one.
func (d *dev) restart(ctx context.Context, text []byte) bool {
	d.stack.stopPrograms(ctx)
	d.stack.programConfig = d.file.path
	err := d.startPrograms(ctx)
	if err == nil {
		d.inForce = text
		return true
	}
	if ctx.Err() != nil {
		return false
	}
	d.wrong("config", err)
	if d.inForce == nil || bytes.Equal(d.inForce, text) {
		return false
	}
	if err := d.fallBack(ctx); err != nil && ctx.Err() == nil {
		d.wrong("config", err)
		return false
	}
	d.show.line("config", "API and worker go on with the configuration that they had")
	return false
}

// fallBack starts API and worker with the text that they had before, in a file beside the configuration.
func (d *dev) fallBack(ctx context.Context) error {
	path := filepath.Join(d.opts.Dir, "in-force.yaml")
	if err := os.WriteFile(path, d.inForce, 0o600); err != nil {
		return fmt.Errorf("keep the configuration that was in force: %w", err)
	}
	cfg, err := config.Load(path, d.opts.LookupEnv)
	if err != nil {
		return err
	}
	d.stack.stopPrograms(ctx)
	d.stack.programConfig, d.stack.APIAddress = path, cfg.API.Listen
	return d.startPrograms(ctx)
}

// startPrograms starts API and worker, those of them that don't run. Both are tried, whatever becomes of the other.
func (d *dev) startPrograms(ctx context.Context) (err error) {
	if !running(d.stack.api) {
		err = d.stack.StartAPI(ctx)
	}
	if !d.opts.NoWorker && !running(d.stack.Worker) {
		err = errors.Join(err, d.stack.StartWorker(ctx))
	}
	d.retryAt = time.Now().Add(retryPause)
	return err
}

// again starts services that have ended by themselves.
func (d *dev) again(ctx context.Context) {
	down, why := d.down(), d.stack.failure()
	err := d.startPrograms(ctx)
	switch {
	case ctx.Err() != nil:
	case err == nil:
		d.startErr = ""
		if d.stack.programConfig == d.file.path {
			d.inForce = d.file.text
		}
		d.show.line(down, "ended, and runs again")
		if why != "" && why != d.toldFailure {
			d.toldFailure = why
			d.show.line("", "it ended because of this: %s", why)
		}
	case err.Error() != d.startErr:
		d.startErr = err.Error()
		d.wrong(down, err)
		d.show.line("", "it is tried again every %s, and when %s changes", retryPause, configFile)
	}
}

// renewed says what runs with a configuration that has come into force.
func (d *dev) renewed() string {
	if d.opts.NoWorker {
		return "the API runs with the new configuration: restart your chferry worker"
	}
	return "API and worker run with the new configuration"
}

// endedServer returns a server that has ended by itself; nil: all run.
func (s *Stack) endedServer() *startedServer {
	for i := range s.servers {
		if s.servers[i].Pid() == 0 {
			return &s.servers[i]
		}
	}
	return nil
}

// revive starts a server again, at its address and with its data.
func (d *dev) revive(ctx context.Context, server *startedServer) {
	err := server.Restart(ctx)
	switch {
	case ctx.Err() != nil:
	case err == nil:
		d.lost = ""
		d.show.line(server.word, "ended, and runs again")
	default:
		d.retryAt = time.Now().Add(retryPause)
		if err.Error() != d.lost {
			d.lost = err.Error()
			d.wrong(server.word, err)
			d.show.line("", "it is tried again every %s", retryPause)
		}
	}
}
