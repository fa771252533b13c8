package api

import (
	"context"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/storage"
)

// Difference is a row in which source and destination differ, as the API and `chferry verify KEY --list --json` show
// it.
type Difference struct {
	Database string                 `json:"database"`
	Kind     storage.DifferenceKind `json:"difference"`
	PK       chferry.PrimaryKey     `json:"pk"`
}

// DifferenceReader tells the differences that the last verify found.
type DifferenceReader interface {
	Differences(ctx context.Context, key chferry.ImportKey, from, most int) ([]storage.Difference, error)
}

// differencesPage is how many differences are read from the storage at a time.
const differencesPage = 100

// ListDifferences returns all differences that are kept of the last verify of an import key.
func ListDifferences(ctx context.Context, differences DifferenceReader, key chferry.ImportKey) ([]Difference, error) {
	out := []Difference{}
	for {
		page, err := readDifferences(ctx, differences, key, len(out), differencesPage)
		if err != nil {
			return nil, err
		}
		if out = append(out, page...); len(page) < differencesPage {
			return out, nil
		}
	}
}

// pageOfDifferences returns at most limit differences, and fewer if their keys have more bytes than an answer may have;
// more tells that there are others behind them.
func pageOfDifferences(ctx context.Context, differences DifferenceReader, key chferry.ImportKey,
	from, limit int,
) (out []Difference, more bool, err error) {
	out = []Difference{}
	for size := 0; ; {
		wanted := min(differencesPage, limit+1-len(out)) // one more tells whether there are more
		page, err := readDifferences(ctx, differences, key, from+len(out), wanted)
		if err != nil {
			return nil, false, err
		}
		for _, d := range page {
			if len(out) == limit || size > maxListedBytes {
				return out, true, nil
			}
			for _, part := range d.PK {
				size += len(part)
			}
			out = append(out, d)
		}
		if len(page) < wanted {
			return out, false, nil
		}
	}
}

func readDifferences(ctx context.Context, differences DifferenceReader, key chferry.ImportKey,
	from, most int,
) ([]Difference, error) {
	ctx, cancel := context.WithTimeout(ctx, storageTimeout)
	defer cancel()
	page, err := differences.Differences(ctx, key, from, most)
	if err != nil {
		return nil, err
	}
	out := make([]Difference, len(page))
	for i, d := range page {
		out[i] = Difference{Database: d.Database, Kind: d.Kind, PK: d.PrimaryKey}
	}
	return out, nil
}
