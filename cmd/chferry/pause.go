package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/starter"
)

func (a *app) pauseCommand() *cobra.Command {
	var note string
	cmd := &cobra.Command{
		Use:   "pause KEY",
		Short: "Pause an import key's schedule; operations go on being registered",
		Args:  args(oneKey),
		RunE: func(cmd *cobra.Command, values []string) error {
			return a.withSchedule(values[0], "paused", func(s *starter.Starter, key chferry.ImportKey) error {
				return s.Pause(cmd.Context(), key, note)
			})
		},
	}
	cmd.Flags().StringVar(&note, "note", "paused with chferry pause", "why, for those who look at the schedule")
	return cmd
}

func (a *app) resumeCommand() *cobra.Command {
	var note string
	cmd := &cobra.Command{
		Use:   "resume KEY",
		Short: "Resume an import key's paused schedule",
		Args:  args(oneKey),
		RunE: func(cmd *cobra.Command, values []string) error {
			return a.withSchedule(values[0], "resumed", func(s *starter.Starter, key chferry.ImportKey) error {
				return s.Resume(cmd.Context(), key, note)
			})
		},
	}
	cmd.Flags().StringVar(&note, "note", "resumed with chferry resume", "why, for those who look at the schedule")
	return cmd
}

// withSchedule does something to the schedule of a known key and says so.
func (a *app) withSchedule(key, done string, do func(*starter.Starter, chferry.ImportKey) error) error {
	cfg, imp, err := a.loadKey(key)
	if err != nil {
		return err
	}
	s, err := a.openStarter(cfg, nil)
	if err != nil {
		return err
	}
	defer s.Close()
	if err := do(s, imp.Key); err != nil {
		return err
	}
	_, err = fmt.Fprintf(a.out, "%s %s\n", done, imp.Key)
	return err
}
