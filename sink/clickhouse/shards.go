package clickhouse

import (
	"context"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/sink"
)

// All versions of a row must reach one table, or its replicas: rows that are spread over shards
// never replace each other. Which shard an insert reaches would depend on which server answers.

// checkCluster refuses a configured cluster that the server does not know, or that has several shards.
func (c *Client) checkCluster(ctx context.Context, t table, d sink.Destination) error {
	name := d.Options.Cluster
	if name == "" {
		return nil
	}
	known, shards, err := c.shardsOf(ctx, name)
	switch {
	case err != nil:
		return err
	case shards > 1:
		return chferry.Errorf(chferry.CodeConfiguration,
			"table %s: destination.cluster %q has %d shards in system.clusters: versions of a row would be kept "+
				"apart, so name a cluster of one shard, with as many replicas as you like", t, name, shards)
	case shards == 0 && len(known) == 0:
		return chferry.Errorf(chferry.CodeConfiguration,
			"table %s: ClickHouse has no cluster %q, nor any other, in system.clusters: "+
				"add it to remote_servers of every server, or leave destination.cluster out", t, name)
	case shards == 0:
		return chferry.Errorf(chferry.CodeConfiguration,
			"table %s: ClickHouse has no cluster %q in destination.cluster, only %s",
			t, name, strings.Join(known, ", "))
	default:
		return nil
	}
}

// shardsOf returns the clusters that the server knows, and how many shards one of them has. A name
// such as {cluster} is a macro of the server.
func (c *Client) shardsOf(ctx context.Context, name string) (known []string, shards int, err error) {
	const doing = "look at the shards of a cluster"
	if strings.Contains(name, "{") {
		err = c.query(ctx, doing, func(scan func(...any) error) error {
			var macro, value string
			err := scan(&macro, &value)
			name = strings.ReplaceAll(name, "{"+macro+"}", value)
			return err
		}, "SELECT macro, substitution FROM system.macros")
		if err != nil {
			return nil, 0, err
		}
	}
	err = c.query(ctx, doing, func(scan func(...any) error) error {
		var cluster string
		var count uint64
		err := scan(&cluster, &count)
		if cluster == name {
			shards = int(count)
		}
		known = append(known, cluster)
		return err
	}, "SELECT cluster, uniqExact(shard_num) FROM system.clusters GROUP BY cluster ORDER BY cluster")
	return known, shards, err
}

// checkHosts refuses several servers in the URL that do not hold replicas of one table; existing is
// nil where there is none yet.
func (c *Client) checkHosts(ctx context.Context, t table, d sink.Destination, existing *existing) error {
	if len(c.driver.Addr) < 2 {
		return nil
	}
	switch {
	case existing == nil && d.Options.Replicated != nil, existing != nil &&
		strings.HasPrefix(existing.engine, "Shared"):
		return nil
	case existing == nil:
		return chferry.Errorf(chferry.CodeConfiguration,
			"table %s: clickhouse.url names several servers, so the table must be replicated: "+
				"configure destination.replicated (and destination.cluster), or name one server", t)
	case !strings.HasPrefix(existing.engine, "Replicated"):
		return chferry.Errorf(chferry.CodeConfiguration,
			"table %s: clickhouse.url names several servers, but the engine of the table is %s, whose rows are on one "+
				"of them alone: make it a Replicated%[2]s, or name one server", t, existing.engine)
	}
	c.mu.Lock()
	same := c.replicated[t]
	c.mu.Unlock()
	if same {
		return nil
	}
	paths := c.replicaPaths(ctx, t)
	if err := differentShards(t, c.driver.Addr, paths); err != nil {
		return err
	}
	if slices.Contains(paths, "") { // one that comes, or comes back, may be another shard
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.replicated == nil {
		c.replicated = map[table]bool{}
	}
	c.replicated[t] = true
	return nil
}

// replicaPaths asks each server of the URL for the path in the keeper that the replicas of t share;
// empty where it does not answer, or does not have the table.
func (c *Client) replicaPaths(ctx context.Context, t table) []string {
	paths := make([]string, len(c.driver.Addr))
	var asking errgroup.Group
	for i, host := range c.driver.Addr {
		asking.Go(func() error {
			alone := *c.driver
			alone.Addr = []string{host}
			one, err := connect(&alone, c.opts)
			if err != nil {
				return err
			}
			defer one.Close()
			return one.query(ctx, "compare replicas", func(scan func(...any) error) error { return scan(&paths[i]) },
				"SELECT zookeeper_path FROM system.replicas WHERE database = ? AND table = ?", t.database, t.name)
		})
	}
	_ = asking.Wait() // a server that is away is not inserted into either, and is asked when it is back
	return paths
}

// differentShards refuses hosts whose tables have different paths.
func differentShards(t table, hosts, paths []string) error {
	first := slices.IndexFunc(paths, func(path string) bool { return path != "" })
	for i, path := range paths {
		if path != "" && path != paths[first] {
			return chferry.Errorf(chferry.CodeConfiguration,
				"table %s: %s and %s of clickhouse.url are different shards, as the table has the path %s on one "+
					"and %s on the other: versions of a row would be kept apart, so name the replicas of one shard",
				t, hosts[first], hosts[i], paths[first], path)
		}
	}
	return nil
}
