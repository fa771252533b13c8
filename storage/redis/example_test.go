package redis_test

import (
	"context"
	"fmt"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/embedded"
	"github.com/chferry/chferry/storage/redis"
)

// An application registers operations after its transaction was committed.
func ExampleStorage_RegisterOperations() {
	ctx := context.Background()
	server, err := embedded.StartRedis(ctx, embedded.Options{NoSync: true}) // an application has one that runs
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = server.Stop(ctx) }()

	store, err := redis.Open(server.URL, redis.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = store.Close() }()
	n, err := store.RegisterOperations(ctx, "users",
		chferry.Operation{Kind: chferry.Update, PrimaryKey: chferry.PrimaryKey{"1"}},
		chferry.Operation{Kind: chferry.Delete, PrimaryKey: chferry.PrimaryKey{"2"}},
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(n, "registered")
	// Output: 2 registered
}
