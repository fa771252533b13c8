package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/config"
)

func (a *app) flushCommand() *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use:   "flush KEY --yes",
		Short: "Dangerous: drop all that the storage keeps for an import key",
		Long: `Dangerous: drop all that the storage keeps for an import key, also operations that were
not synced. Rows in ClickHouse stay. Versions go on growing. An import key that was
removed from the configuration can be flushed, too.`,
		Args: args(oneKey),
		RunE: func(cmd *cobra.Command, values []string) error {
			if !yes {
				return usageError{errors.New("flush drops operations that were not synced: say --yes if that is what " +
					"you want")}
			}
			return a.flush(cmd.Context(), values[0])
		},
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "yes, drop it")
	return cmd
}

func (a *app) flush(ctx context.Context, name string) (err error) {
	cfg, err := a.load()
	if err != nil {
		return err
	}
	key := chferry.ImportKey(name)
	_, unknown := cfg.Import(name)
	if unknown != nil && key.Validate() != nil {
		return unknown
	}
	store, err := openStorage(config.NewLive(cfg))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	if unknown != nil {
		owner, kept, err := store.OwnerOf(ctx, key)
		if chferry.CodeOf(err) == chferry.CodeUnavailable { // the key is likelier to be misspelt than to be removed
			return unknown
		}
		if err != nil {
			return err
		}
		if err := mayFlush(cfg, key, owner, kept, unknown); err != nil {
			return err
		}
	}
	if err := store.Flush(ctx, key); err != nil {
		return err
	}
	_, err = fmt.Fprintf(a.out, "flushed %s\n", key)
	return err
}

// mayFlush returns nil if an import key that the configuration does not have is one that it had.
func mayFlush(cfg *config.Config, key chferry.ImportKey, owner string, kept bool, unknown error) error {
	switch {
	case !kept:
		return unknown
	case owner != "" && !strings.HasPrefix(owner, installation(cfg)):
		return chferry.Errorf(chferry.CodeConfiguration,
			"import key %s belongs to another chferry in this Redis (%s): flush it there", key, owner)
	default:
		return nil
	}
}
