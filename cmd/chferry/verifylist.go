package main

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/api"
	"github.com/chferry/chferry/storage"
)

// printDifferences prints the differences that the last verify found, and on standard error if there are more.
func (v *verify) printDifferences(ctx context.Context) error {
	progress, err := v.storage.RangesProgress(ctx, v.imp.Key, storage.Verify)
	if err != nil {
		return err
	}
	if progress.Began.IsZero() {
		return chferry.Errorf(chferry.CodeInvalid,
			"no verify of %s has compared anything yet: chferry verify %[1]s --wait starts one", v.imp.Key)
	}
	found, err := api.ListDifferences(ctx, v.storage, v.imp.Key)
	if err != nil {
		return err
	}
	switch {
	case v.asJSON:
		err = v.app.printJSON(found)
	case isTerminal(v.app.out) && len(found) == 0:
		_, err = fmt.Fprintf(v.app.out, "the last verify of %s found no difference\n", v.imp.Key)
	case isTerminal(v.app.out):
		table := tabwriter.NewWriter(v.app.out, 0, 0, 2, ' ', 0)
		if err = writeDifferences(table, "DATABASE\tDIFFERENCE\tPK", found); err == nil {
			err = table.Flush()
		}
	default:
		err = writeDifferences(v.app.out, "database\tdifference\tpk", found)
	}
	if err != nil {
		return err
	}
	counts := progress.Counts
	if all := counts.Missing + counts.Stale + counts.Surplus; all > int64(len(found)) {
		fmt.Fprintf(v.app.errOut, "these are %s of %s: no more are kept\n",
			chferry.Thousands(int64(len(found))), chferry.Amount(all, "difference", "differences"))
	}
	if progress.Open {
		fmt.Fprintf(v.app.errOut, "the verify of %s has not ended: there may be more\n", v.imp.Key)
	}
	return nil
}

func writeDifferences(out io.Writer, header string, found []api.Difference) error {
	fmt.Fprintln(out, header)
	for _, d := range found {
		pk, err := onOneLine(d.PK)
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(out, "%s\t%s\t%s\n", d.Database, d.Kind, pk); err != nil {
			return fmt.Errorf("print the differences: %w", err)
		}
	}
	return nil
}
