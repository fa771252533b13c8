package testenv

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/chferry/chferry/embedded"
)

const (
	clusterNodes   = 3
	clusterSlots   = 16384
	clusterTimeout = time.Minute // for the nodes to agree, which takes them two seconds
)

// RedisCluster starts a Redis Cluster of three nodes for one test alone and gives its URL,
// redis://host:port,host:port,host:port. It takes a few seconds.
func RedisCluster(t testing.TB) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), clusterTimeout)
	defer cancel()
	var nodes []*redis.Client
	var addrs []string
	for range clusterNodes {
		// The port of the nodes' own talk is the server's plus 10,000.
		server := Private(t, embedded.StartRedis,
			embedded.Options{NoSync: true, Args: []string{"--cluster-enabled", "yes"}})
		node := redis.NewClient(&redis.Options{Addr: server.Addr})
		defer func() { _ = node.Close() }()
		nodes, addrs = append(nodes, node), append(addrs, server.Addr)
	}
	if err := joinCluster(ctx, nodes, addrs); err != nil {
		t.Fatalf("a Redis Cluster for this test: %v", err)
	}
	return "redis://" + strings.Join(addrs, ",")
}

// joinCluster gives each node a part of the slots, introduces it to the first one, and waits until all of them agree.
func joinCluster(ctx context.Context, nodes []*redis.Client, addrs []string) error {
	host, port, err := net.SplitHostPort(addrs[0])
	if err != nil {
		return err
	}
	for i, node := range nodes {
		first, next := i*clusterSlots/len(nodes), (i+1)*clusterSlots/len(nodes)
		// Different epochs, so that the nodes have nothing to settle.
		if err := node.Do(ctx, "CLUSTER", "SET-CONFIG-EPOCH", i+1).Err(); err != nil {
			return fmt.Errorf("set the epoch: %w", err)
		}
		if err := node.ClusterAddSlotsRange(ctx, first, next-1).Err(); err != nil {
			return fmt.Errorf("add slots: %w", err)
		}
		if i == 0 {
			continue
		}
		if err := node.ClusterMeet(ctx, host, port).Err(); err != nil {
			return fmt.Errorf("meet: %w", err)
		}
	}
	errs := make([]error, len(nodes))
	var waiting sync.WaitGroup
	for i, node := range nodes {
		waiting.Go(func() { errs[i] = awaitCluster(ctx, node) })
	}
	waiting.Wait()
	return errors.Join(errs...)
}

// awaitCluster waits until a node knows who serves all slots.
func awaitCluster(ctx context.Context, node *redis.Client) error {
	for {
		info, err := node.ClusterInfo(ctx).Result()
		if err != nil {
			return fmt.Errorf("ask for the cluster's state: %w", err)
		}
		if strings.Contains(info, "cluster_state:ok") {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the nodes don't agree in time: %s", strings.Join(strings.Fields(info), " "))
		case <-time.After(20 * time.Millisecond):
		}
	}
}
