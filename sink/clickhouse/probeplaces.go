package clickhouse

import (
	"context"
	"errors"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/sink"
)

// placeSettings are the settings of tables that name where the data lies. ClickHouse makes a policy of a disk when a
// statement names the disk, also if the statement fails.
var placeSettings = []string{"storage_policy", "disk", "table_disk"}

// moved finds where the parts of a TTL move rows to.
var moved = regexp.MustCompile(`(?i)\sTO\s+(VOLUME|DISK)\s+'([^'\\]*)'`)

// probePlaces looks for the storage policy, the disk, and the volumes and disks of the TTL that a new table names.
func (c *Client) probePlaces(ctx context.Context, d sink.Destination, s sink.Statement) error {
	if s.Kind != sink.Table {
		return nil
	}
	missing := func(key, what, name, from string) error {
		known := c.names(ctx, from)
		if len(known) == 0 || slices.Contains(known, name) {
			return nil
		}
		return chferry.Errorf(chferry.CodeConfiguration,
			"create %s: %s %q, only %s: mend destination.%s", s.Creates, what,
			name, strings.Join(known, ", "), key)
	}
	var problems []error
	policy, ok := d.Options.Settings["storage_policy"]
	if ok {
		problems = append(problems, missing("settings", "the server has no storage policy", policy,
			"SELECT DISTINCT policy_name FROM system.storage_policies"))
	} else {
		policy = "default"
	}
	if disk, ok := d.Options.Settings["disk"]; ok { // whose policy has nothing else
		return errors.Join(append(problems, missing("settings", "the server has no disk", disk,
			"SELECT name FROM system.disks"))...)
	}
	if errors.Join(problems...) != nil {
		return errors.Join(problems...)
	}
	for _, to := range moved.FindAllStringSubmatch(d.Options.TTL, -1) {
		kind, column := strings.ToLower(to[1]), "volume_name"
		if kind == "disk" {
			column = "arrayJoin(disks)"
		}
		problems = append(problems, missing("ttl", "the storage policy "+policy+" has no "+kind, to[2],
			"SELECT DISTINCT "+column+" FROM system.storage_policies WHERE policy_name = "+literal(policy)))
	}
	return errors.Join(problems...)
}

// names returns the names that a query gives, without those that ClickHouse made, in order; none from an old server,
// or if the user may not ask.
func (c *Client) names(ctx context.Context, query string) []string {
	known := map[string]bool{}
	err := c.query(ctx, "look at the disks and storage policies", func(scan func(...any) error) error {
		var name string
		err := scan(&name)
		known[name] = true
		return err
	}, query)
	if err != nil {
		return nil
	}
	maps.DeleteFunc(known, func(name string, _ bool) bool { return strings.HasPrefix(name, "__") })
	return slices.Sorted(maps.Keys(known))
}
