package clickhouse

import (
	"context"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/chferry/chferry"
)

// features is what a server has.
type features struct {
	version  version
	readonly bool            // the user's profile forbids writing
	settings map[string]bool // those of [knownSettings] that the server knows and the user may set
	// formatRow tells that the server can write rows as RowBinary, and hash them by xxHash64.
	formatRow bool
}

// version is a server's, as far as anything depends on it.
type version struct{ major, minor int }

func (v version) atLeast(major, minor int) bool {
	return v.major > major || v.major == major && v.minor >= minor
}

func (f *features) hasDateTime64() bool     { return f.version.atLeast(20, 1) }
func (f *features) hasTextSettings() bool   { return f.version.atLeast(20, 1) } // they can be sent with a query
func (f *features) hasDictionaries() bool   { return f.version.atLeast(20, 1) } // an experiment in 18.16
func (f *features) hasCodecs() bool         { return f.version.atLeast(20, 1) }
func (f *features) hasTTL() bool            { return f.version.atLeast(20, 1) }
func (f *features) hasDefaultReplica() bool { return f.version.atLeast(21, 1) }
func (f *features) hasDate32() bool         { return f.version.atLeast(21, 9) }
func (f *features) hasBool() bool           { return f.version.atLeast(21, 12) }
func (f *features) hasConstraints() bool    { return f.version.atLeast(20, 1) } // in system.settings
func (f *features) hasDecimal256() bool     { return f.version.atLeast(21, 6) }
func (f *features) hasExchange() bool       { return f.version.atLeast(20, 10) } // where the database is Atomic
func (f *features) hasIsDeleted() bool      { return f.version.atLeast(23, 2) }

// hasReplaceView tells whether a view can be replaced without a moment in which there is none.
func (f *features) hasReplaceView() bool { return f.version.atLeast(21, 1) }

// hasWideDates tells whether Date32 and DateTime64 reach from 1900 to 2299; before, it was 1925 to 2283.
func (f *features) hasWideDates() bool { return f.version.atLeast(22, 8) }

// features asks the server what it has, once until something suggests that it may be another server.
func (c *Client) features(ctx context.Context) (*features, error) {
	c.mu.Lock()
	known := c.known
	c.mu.Unlock()
	if known != nil {
		return known, nil
	}
	f, err := c.readFeatures(ctx)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	c.known = f
	c.mu.Unlock()
	return f, nil
}

func (c *Client) forget() {
	c.mu.Lock()
	c.known, c.replicated = nil, nil
	c.mu.Unlock()
}

func (c *Client) readFeatures(ctx context.Context) (*features, error) {
	const doing = "ask ClickHouse for its version and settings"
	f := &features{settings: map[string]bool{}}
	var text string
	err := c.query(ctx, doing, func(scan func(...any) error) error { return scan(&text) }, "SELECT version()")
	if err != nil {
		return nil, err
	}
	if f.version, err = parseVersion(text); err != nil {
		return nil, err
	}
	if f.formatRow, err = c.hasFormatRow(ctx, doing); err != nil {
		return nil, err
	}
	fixed := "0"
	if f.hasConstraints() { // without the limit of partitions a small block can be inserted all the same
		fixed = "name = '" + partitionsSetting + "' AND (readonly != 0 OR min IS NOT NULL)"
	}
	err = c.query(ctx, doing, func(scan func(...any) error) error {
		var name, value string
		var fixed uint8
		if err := scan(&name, &value, &fixed); err != nil {
			return err
		}
		f.settings[name] = fixed == 0
		f.readonly = f.readonly || name == "readonly" && value == "1"
		return nil
	}, "SELECT name, value, "+fixed+" FROM system.settings WHERE name IN ('readonly', '"+
		strings.Join(knownSettings(), "', '")+"')")
	if err != nil {
		return nil, err
	}
	return f, nil
}

// hasFormatRow asks for both functions that hash a row.
func (c *Client) hasFormatRow(ctx context.Context, doing string) (bool, error) {
	var found uint64
	err := c.query(ctx, doing, func(scan func(...any) error) error { return scan(&found) },
		"SELECT count() FROM system.functions WHERE name IN ('formatRow', 'xxHash64')")
	return found == 2, err
}

// knownSettings are all settings that chferry sends.
func knownSettings() []string {
	return slices.Concat(insertSettings, querySettings, dropSettings, []string{blockSetting},
		slices.Sorted(maps.Keys(readSettings)))
}

var versionPattern = regexp.MustCompile(`^v?(\d{1,4})\.(\d{1,4})`)

// parseVersion reads 18.16.1, 23.8.16.40.altinitystable, 26.7.3-stable.1 and their like.
func parseVersion(text string) (version, error) {
	m := versionPattern.FindStringSubmatch(text)
	if m == nil {
		return version{}, chferry.Errorf(chferry.CodeConfiguration,
			"ClickHouse calls its version %.40q, which chferry can't read", text)
	}
	// At most four digits each, so that they are numbers.
	major, _ := strconv.Atoi(m[1])
	minor, _ := strconv.Atoi(m[2])
	return version{major, minor}, nil
}
