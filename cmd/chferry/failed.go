package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/api"
	"github.com/chferry/chferry/config"
	"github.com/chferry/chferry/storage/redis"
)

func (a *app) failedCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "failed",
		Short: "List, retry or discard operations that could not be imported",
		Args:  cobra.ArbitraryArgs, // refused below, with the verbs that there are
		RunE: func(cmd *cobra.Command, values []string) error {
			if len(values) > 0 {
				return usageError{fmt.Errorf(
					"unknown command %q for %q: say list, retry or discard before the import key: see %s --help",
					values[0], cmd.CommandPath(), cmd.CommandPath())}
			}
			return usageError{fmt.Errorf("say what to do: list, retry or discard: see %s --help", cmd.CommandPath())}
		},
	}
	cmd.AddCommand(a.failedListCommand(),
		a.failedDoCommand("retry", "Register all failed operations of an import key again", "retried", true,
			(*redis.Storage).RetryFailed),
		a.failedDoCommand("discard", "Forget all failed operations of an import key", "discarded", false,
			(*redis.Storage).DiscardFailed))
	return cmd
}

func (a *app) failedListCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list KEY",
		Short: "List the failed operations of an import key, one a line",
		Long: `List the failed operations of an import key, one a line, tab-separated under a header. A
composite primary key is a JSON list, and so is one with a character that would break
the line. On a terminal the operations of one reason stand under it.`,
		Args: args(oneKey),
		RunE: func(cmd *cobra.Command, values []string) error {
			return a.withStorage(values[0], func(_ *config.Config, store *redis.Storage, imp chferry.Import) error {
				return a.listFailed(cmd.Context(), store, imp, asJSON)
			})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON list")
	return cmd
}

// failedDoCommand does something to all failed operations of an import key. synced tells that they are synced then.
func (a *app) failedDoCommand(name, short, done string, synced bool,
	do func(*redis.Storage, context.Context, chferry.ImportKey) (int, error),
) *cobra.Command {
	return &cobra.Command{
		Use:   name + " KEY",
		Short: short,
		Args:  args(oneKey),
		RunE: func(cmd *cobra.Command, values []string) error {
			return a.withStorage(values[0], func(cfg *config.Config, store *redis.Storage, imp chferry.Import) error {
				n, err := do(store, cmd.Context(), imp.Key)
				if err != nil {
					return err
				}
				_, err = fmt.Fprintf(a.out, "%s %d\n", done, n)
				switch {
				case err != nil:
					return err
				case n == 0:
					_, err = fmt.Fprintf(a.out, noneSetAside, imp.Key)
				case synced:
					_, err = fmt.Fprintln(a.out, a.syncedNext(cmd.Context(), cfg, store, imp))
				}
				return err
			})
		},
	}
}

// withStorage does something to what the storage keeps of a known key.
func (a *app) withStorage(key string, do func(*config.Config, *redis.Storage, chferry.Import) error) (err error) {
	cfg, imp, err := a.loadKey(key)
	if err != nil {
		return err
	}
	store, err := openStorage(config.NewLive(cfg))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	return do(cfg, store, imp)
}

// syncedNext says when what is pending is synced, or why it is not.
func (a *app) syncedNext(ctx context.Context, cfg *config.Config, store *redis.Storage, imp chferry.Import) string {
	status, unknown := a.statusOf(ctx, cfg, store, imp)
	if unknown != "" {
		return unknown
	}
	return draining(status)
}

// noneSetAside is said of an import key.
const noneSetAside = "no operation of %s is set aside\n"

func (a *app) listFailed(ctx context.Context, store *redis.Storage, imp chferry.Import, asJSON bool) error {
	failed, err := api.ListFailed(imp, store.FailedOperations(ctx, imp.Key), 0)
	if err != nil {
		return err
	}
	if asJSON {
		return a.printJSON(failed)
	}
	if isTerminal(a.out) && len(failed) == 0 {
		_, err = fmt.Fprintf(a.out, noneSetAside, imp.Key)
		return err
	}
	if isTerminal(a.out) {
		return printFailedByReason(a.out, failed, time.Now())
	}
	return printFailed(a.out, failed)
}

// printFailedByReason prints each reason once, with its operations beneath: a reason may be as wide
// as a terminal, and many operations tend to share one.
func printFailedByReason(out io.Writer, failed []api.FailedOperation, now time.Time) error {
	var reasons []string
	byReason := map[string][]api.FailedOperation{}
	for _, f := range failed {
		if byReason[f.Reason] == nil {
			reasons = append(reasons, f.Reason)
		}
		byReason[f.Reason] = append(byReason[f.Reason], f)
	}
	for _, reason := range reasons {
		fmt.Fprintln(out, oneLine(reason))
		table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(table, "  KIND\tPK\tDATABASE\tATTEMPTS\tFIRST\tLAST")
		for _, f := range byReason[reason] {
			pk, err := onOneLine(f.PK)
			if err != nil {
				return err
			}
			fmt.Fprintf(table, "  %s\t%s\t%s\t%d\t%s\t%s\n",
				f.Kind, pk, oneLine(f.Database), f.Attempts, ago(f.First, now), ago(f.Last, now))
		}
		if err := table.Flush(); err != nil {
			return fmt.Errorf("print the failed operations: %w", err)
		}
	}
	return nil
}

func printFailed(out io.Writer, failed []api.FailedOperation) error {
	fmt.Fprintln(out, "database\tkind\tpk\treason\tattempts\tfirst\tlast")
	for _, f := range failed {
		pk, err := onOneLine(f.PK)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "%s\t%s\t%s\t%s\t%d\t%s\t%s\n", oneLine(f.Database), f.Kind, pk, oneLine(f.Reason),
			f.Attempts, f.First.Format(time.RFC3339), f.Last.Format(time.RFC3339))
	}
	return nil
}

// onOneLine writes a key as register takes it.
func onOneLine(pk chferry.PrimaryKey) (string, error) {
	hidden := func(r rune) bool { return !strconv.IsPrint(r) }
	if len(pk) == 1 && !strings.HasPrefix(pk[0], "[") && !strings.ContainsFunc(pk[0], hidden) {
		return pk[0], nil
	}
	text, err := json.Marshal(pk)
	if err != nil {
		return "", fmt.Errorf("write a primary key: %w", err)
	}
	return string(text), nil
}
