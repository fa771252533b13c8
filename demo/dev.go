package demo

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/chferry/chferry/config"
	"github.com/chferry/chferry/embedded"
)

// DevOptions are what a development stack is told.
type DevOptions struct {
	// Dir keeps the data, the configuration and the logs of API and worker, from one start to the next.
	Dir string
	// Program is the chferry binary that runs as API and worker.
	Program  string
	Out      io.Writer
	Terminal bool
	// Hide is a line of chferry apply that asks for what this stack does by itself.
	Hide string
	// NoWorker leaves it to the user to run a worker.
	NoWorker bool
	// LookupEnv finds the variables of the configuration.
	LookupEnv func(string) (string, bool)
}

const (
	lookPause  = time.Second     // between two looks at the configuration and the services
	retryPause = 5 * time.Second // between two tries of what failed
)

// dev is one run of a development stack. One goroutine does everything.
type dev struct {
	opts     DevOptions
	show     *show
	stack    *Stack
	file     *watched
	inForce  []byte // the configuration that API and worker run with; nil: none yet
	problems string // what the last apply said of its failure; empty: all is well
	startErr string // what was said last of a service that does not start again
	// toldFailure is why a service ended that started again, as it was said last.
	toldFailure string
	lost        string // what was said last of a server that does not start again
	retryAt     time.Time
}

// Dev keeps a stack with worker and API up until the context ends. A configuration that the folder
// has already stays as it is, and the servers get its ports. Once the servers are up, nothing that
// is wrong with the configuration or a table takes them away.
func Dev(ctx context.Context, opts DevOptions) error {
	unlock, err := takeFolder(opts.Dir)
	if err != nil {
		return err
	}
	defer unlock()
	path := filepath.Join(opts.Dir, configFile)
	existing, err := existingConfig(path, opts.LookupEnv)
	if err != nil {
		return err
	}
	d := &dev{opts: opts, show: &show{out: opts.Out, terminal: opts.Terminal}, file: &watched{path: path}}
	d.show.title("Temporal, Redis, ClickHouse and a source database are being started in %s", opts.Dir)
	d.stack, err = Start(ctx, StackOptions{
		Dir: opts.Dir, Program: opts.Program, Say: d.show.line, Download: d.show.download(), Logs: true,
		Existing: existing, Hide: opts.Hide,
	})
	if err != nil {
		return err
	}
	defer d.stack.Stop(ctx)
	shop, err := openShop(ctx, d.stack)
	if err != nil {
		return err
	}
	shop.close()
	return d.run(ctx)
}

// run applies the configuration, and again whenever it changes, until the context ends.
func (d *dev) run(ctx context.Context) error {
	d.file.changed()
	d.apply(ctx)
	d.restart(ctx, d.file.text)
	if ctx.Err() == nil {
		d.up()
	}
	for wait(ctx, lookPause) == nil {
		switch {
		case d.file.changed():
			d.reload(ctx)
		case time.Now().Before(d.retryAt):
		case d.stack.endedServer() != nil:
			d.revive(ctx, d.stack.endedServer())
		case d.down() != "":
			d.again(ctx)
		case d.problems != "":
			d.apply(ctx)
		}
	}
	return nil
}

// up says where everything is and what to do with it.
func (d *dev) up() {
	d.show.title("Up. Ctrl-C ends it; %s keeps the data.", d.opts.Dir)
	d.stack.addresses(d.show.line)
	switch {
	case d.opts.NoWorker:
		d.show.line("worker", "none: start and stop your own with chferry worker")
	case running(d.stack.Worker):
		d.show.line("worker", "process %d", d.stack.Worker.Pid())
	}
	d.show.line("logs", "%s, worker.log", filepath.Join(d.opts.Dir, "api.log"))
	d.show.title("Next, in another terminal:")
	d.show.print("  export CHFERRY_CONFIG=" + quoted(d.stack.ConfigFile()))
	client := "psql"
	if d.stack.SourceName == "SQLite" {
		client = "sqlite3"
	}
	for _, line := range firstRow {
		d.show.print("  " + line)
	}
	d.show.print("    " + client + " " + quoted(strings.TrimPrefix(d.stack.SourceURL, "sqlite:")))
	d.show.print("  chferry register users insert 1")
	d.show.print("  chferry status")
	if strings.HasPrefix(d.stack.ClickHouseURL, "http") {
		d.show.print("  curl " + quoted(d.stack.ClickHouseURL) + " --data 'SELECT * FROM users_current'")
	}
	d.show.print("\nA change of " + configFile + " is applied as soon as the file is saved.")
}

// firstRow is a shell's text that gives a client of the source database a statement. It works as often as it is
// typed: the folder keeps the row.
var firstRow = []string{
	`echo "INSERT INTO users (id, name, balance, active, created_at)`,
	`  VALUES (1, 'Ann', 0, true, '2031-05-06 07:08:09')`,
	`  ON CONFLICT (id) DO UPDATE SET balance = users.balance + 1" |`,
}

// quoted is text as one word of a shell.
func quoted(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }

// apply runs chferry apply and says what changed. What is wrong is said once as long as it stays
// the same, and tried again.
func (d *dev) apply(ctx context.Context) {
	out, err := d.stack.Command(ctx, "apply")
	if ctx.Err() != nil {
		return
	}
	for line := range strings.Lines(out) {
		d.show.line("apply", "%s", strings.TrimRight(line, "\n"))
	}
	d.retryAt = time.Now().Add(retryPause)
	before := d.problems
	d.problems = ""
	if err != nil {
		d.problems = err.Error()
	}
	if d.problems == before {
		return
	}
	d.wrong("apply", err)
	if err != nil {
		d.show.line("", "the servers stay up: mend it, in a table or in %s; it is tried again every %s",
			configFile, retryPause)
	} else {
		d.show.line("apply", "nothing is wrong any more")
	}
}

// wrong says an error, a line of it in a line.
func (d *dev) wrong(word string, err error) {
	if err == nil {
		return
	}
	for line := range strings.Lines(err.Error()) {
		// An error may begin with the configuration's path, whose folder the reader knows.
		line = strings.TrimPrefix(strings.TrimRight(line, "\n"), d.opts.Dir+string(filepath.Separator))
		d.show.line(word, "%s", d.show.style(line, red))
	}
}

// down names the services that should run and don't; empty: none.
func (d *dev) down() string {
	var names []string
	if !running(d.stack.api) {
		names = append(names, "api")
	}
	if !d.opts.NoWorker && !running(d.stack.Worker) {
		names = append(names, "worker")
	}
	return strings.Join(names, ", ")
}

func running(p *embedded.Program) bool { return p != nil && p.Pid() != 0 }

// existingConfig reads a configuration; nil if there is none.
func existingConfig(path string, lookupEnv func(string) (string, bool)) (*config.Config, error) {
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return config.Load(path, lookupEnv)
}
