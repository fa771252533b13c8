package clickhouse

import (
	"context"
	"regexp"
	"strconv"

	"github.com/chferry/chferry/sink"
)

// Settings of a table that bound its parts.
const (
	delaySetting = "parts_to_delay_insert"
	throwSetting = "parts_to_throw_insert"
	totalSetting = "max_parts_in_total"
	// largeSetting is how large the parts of a partition must be on average not to be counted.
	largeSetting = "max_avg_part_size_for_too_many_parts"
)

// partLimits are limits by their settings; without one, or with 0, there is none.
type partLimits map[string]float64

// PartsPressure compares the table's parts with the limits that the server has for them. See
// [sink.Gauge]. The server looks at the active parts of each partition alone, and at all of them.
func (c *Client) PartsPressure(ctx context.Context, d sink.Destination) (float64, error) {
	t, err := parseTable(d.Table, c.database)
	if err != nil {
		return 0, err
	}
	existing, _, err := c.describe(ctx, t)
	if err != nil || existing == nil {
		return 0, err
	}
	limits, err := c.partLimits(ctx, existing)
	if err != nil {
		return 0, err
	}
	pressure, total := 0.0, 0.0
	err = c.query(ctx, "count the parts of "+t.String(), func(scan func(...any) error) error {
		var parts, bytes uint64
		err := scan(&parts, &bytes)
		total += float64(parts)
		pressure = max(pressure, limits.ofPartition(float64(parts), float64(bytes)))
		return err
	}, "SELECT count(), sum(bytes_on_disk) FROM system.parts WHERE active AND database = ? AND table = ? "+
		"GROUP BY partition",
		t.database, t.name)
	if err != nil {
		return 0, err
	}
	return max(pressure, limits.share(total, totalSetting)), nil
}

// ofPartition returns how near a partition is to its limit.
func (l partLimits) ofPartition(parts, bytes float64) float64 {
	if large := l[largeSetting]; large > 0 && bytes/parts > large {
		return 0
	}
	return max(l.share(parts, delaySetting), l.share(parts, throwSetting))
}

func (l partLimits) share(parts float64, setting string) float64 {
	if l[setting] <= 0 {
		return 0
	}
	return parts / l[setting]
}

// partLimits asks for the server's limits, and puts those of the table in their place.
func (c *Client) partLimits(ctx context.Context, existing *existing) (partLimits, error) {
	limits := partLimits{delaySetting: 150, throwSetting: 300} // of servers that do not tell theirs
	err := c.query(ctx, "look at the limits of parts", func(scan func(...any) error) error {
		var name, value string
		err := scan(&name, &value)
		limits.set(name, value)
		return err
	}, "SELECT name, value FROM system.merge_tree_settings WHERE name IN (?, ?, ?, ?)",
		delaySetting, throwSetting, totalSetting, largeSetting)
	if err != nil && !isMissing(err) {
		return nil, err
	}
	statement := quotedAny.ReplaceAllString(existing.query, "''") // no name or text of a column counts
	for _, m := range partSetting.FindAllStringSubmatch(statement, -1) {
		limits.set(m[1], m[2])
	}
	return limits, nil
}

var partSetting = regexp.MustCompile(
	`\b(` + delaySetting + `|` + throwSetting + `|` + totalSetting + `|` + largeSetting + `) = ([0-9]+)`)

func (l partLimits) set(name, value string) {
	if n, err := strconv.ParseFloat(value, 64); err == nil {
		l[name] = n
	}
}
