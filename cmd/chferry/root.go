package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"

	goredis "github.com/redis/go-redis/v9"
	"github.com/spf13/cobra"

	"github.com/chferry/chferry"
)

// Exit statuses.
const (
	exitDone    = 0
	exitFailed  = 1 // failed, or a dependency is unreachable
	exitUsage   = 2 // wrong use, configuration, unknown key
	exitPartial = 3 // done in part
)

// app is what all verbs share: the streams, the environment and the flags that every verb takes.
type app struct {
	in     io.Reader
	out    io.Writer
	errOut io.Writer
	getenv func(string) (string, bool)

	configPath string
	logFormat  string
	logLevel   string
	log        *slog.Logger
}

// usageError is a wrong use of the command line.
type usageError struct{ error }

// errPartial ends a verb that did its work in part; it has said so by then.
var errPartial = errors.New("done in part")

// run runs one command line and returns its exit status.
func run(ctx context.Context, args []string, in io.Reader, out, errOut io.Writer,
	getenv func(string) (string, bool),
) int {
	out, errOut = screen{out}, screen{errOut}
	a := &app{in: in, out: out, errOut: errOut, getenv: getenv}
	root := a.root()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err != nil && !errors.Is(err, errPartial) {
		for line := range strings.Lines(err.Error()) { // a configuration tells all its mistakes, one a line
			fmt.Fprintf(errOut, "chferry: %s\n", strings.TrimSuffix(line, "\n"))
		}
	}
	return exitStatus(err)
}

func exitStatus(err error) int {
	var usage usageError
	switch {
	case err == nil:
		return exitDone
	case errors.Is(err, errPartial):
		return exitPartial
	case errors.As(err, &usage):
		return exitUsage
	}
	for _, problem := range chferry.Problems(err) {
		switch chferry.CodeOf(problem) {
		case chferry.CodeInvalid, chferry.CodeUnknownKey, chferry.CodeConfiguration, chferry.CodeTooLarge:
		default:
			return exitFailed
		}
	}
	return exitUsage
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "chferry",
		Args:  cobra.ArbitraryArgs, // noVerb refuses them
		Short: "Durable sync of changes from PostgreSQL or SQLite into ClickHouse",
		Long: `chferry syncs changes from PostgreSQL or SQLite into ClickHouse, durably.

An application commits and then registers which rows of an import key changed. Each
import key has a Temporal Schedule, whose workflow reads those rows and inserts them.
An operation leaves the storage only after its batch was imported.

Exit status: 0 done; 1 failed, or a dependency is unreachable; 2 wrong use,
configuration or unknown key; 3 done in part, or differences found.`,
		SilenceErrors:     true,
		SilenceUsage:      true,
		PersistentPreRunE: func(*cobra.Command, []string) error { return a.setup() },
		RunE:              noVerb,

		DisableFlagsInUseLine: true,

		SuggestionsMinimumDistance: 2, // letters by which a word may differ from the command that is meant
	}
	root.CompletionOptions.HiddenDefaultCmd = true
	root.SetIn(a.in)
	root.SetOut(a.out)
	root.SetErr(a.errOut)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usageError{fmt.Errorf("%w: see %s --help", err, cmd.CommandPath())}
	})
	flags := root.PersistentFlags()
	flags.StringVar(&a.configPath, "config", a.env("CHFERRY_CONFIG", "chferry.yaml"),
		"configuration `file` (environment: CHFERRY_CONFIG)")
	flags.StringVar(&a.logFormat, "log-format", "text", "format of the log on standard error: text or json")
	flags.StringVar(&a.logLevel, "log-level", "info", "least level that is logged: debug, info, warn or error")
	root.AddCommand(
		a.demoCommand(), a.devCommand(),
		a.checkCommand(), a.applyCommand(),
		a.workerCommand(), a.apiCommand(),
		a.registerCommand(), a.syncCommand(), a.backfillCommand(), a.verifyCommand(), a.statusCommand(),
		a.pauseCommand(), a.resumeCommand(),
		a.failedCommand(), a.flushCommand(),
		a.versionCommand(),
	)
	a.fitHelp(root)
	return root
}

// noVerb shows the help, or says that there is no such verb.
func noVerb(root *cobra.Command, values []string) error {
	if len(values) == 0 {
		return root.Help()
	}
	meant := "see chferry --help"
	if near := root.SuggestionsFor(values[0]); len(near) > 0 {
		meant = "did you mean " + strings.Join(near, " or ") + "?"
	}
	return usageError{fmt.Errorf("there is no command %q: %s", values[0], meant)}
}

func (a *app) env(name, otherwise string) string {
	if value, ok := a.getenv(name); ok && value != "" {
		return value
	}
	return otherwise
}

// setup makes the log from the flags.
func (a *app) setup() error {
	var level slog.Level
	if err := level.UnmarshalText([]byte(a.logLevel)); err != nil {
		return usageError{fmt.Errorf("--log-level %q must be debug, info, warn or error", a.logLevel)}
	}
	options := &slog.HandlerOptions{Level: level}
	switch a.logFormat {
	case "text":
		a.log = slog.New(slog.NewTextHandler(a.errOut, options))
	case "json":
		a.log = slog.New(slog.NewJSONHandler(a.errOut, options))
	default:
		return usageError{fmt.Errorf("--log-format %q must be text or json", a.logFormat)}
	}
	goredis.SetLogger(redisLog{a.log})
	return nil
}

// redisLog takes what go-redis would print to standard error by itself. Its errors reach the caller anyway.
type redisLog struct{ log *slog.Logger }

// Printf implements the logger of go-redis.
func (l redisLog) Printf(ctx context.Context, format string, args ...any) {
	if l.log.Enabled(ctx, slog.LevelDebug) {
		l.log.DebugContext(ctx, "redis client", "message", fmt.Sprintf(format, args...))
	}
}

// oneKey takes exactly one import key.
func oneKey(_ *cobra.Command, values []string) error {
	switch len(values) {
	case 0:
		return errors.New("KEY is missing: name an import key")
	case 1:
		return nil
	default:
		return fmt.Errorf("one import key is enough, there are %d", len(values))
	}
}

// keyAndKind wants an import key and what happened to rows.
func keyAndKind(_ *cobra.Command, values []string) error {
	switch len(values) {
	case 0:
		return errors.New("KEY is missing: name an import key")
	case 1:
		return errors.New("say what happened to the rows: insert, update or delete")
	default:
		return nil
	}
}

// args makes wrong arguments a usage error that shows how the verb is used.
func args(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, values []string) error {
		if err := check(cmd, values); err != nil {
			return usageError{fmt.Errorf("%w: usage: %s", err, cmd.UseLine())}
		}
		return nil
	}
}
