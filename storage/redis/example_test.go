package redis_test

import (
	"context"
	"fmt"

	"github.com/alicebob/miniredis/v2"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/storage/redis"
)

// An application registers operations after its transaction was committed.
func ExampleStorage_RegisterOperations() {
	server, err := miniredis.Run() // an application has a real one
	if err != nil {
		fmt.Println(err)
		return
	}
	defer server.Close()

	store, err := redis.Open("redis://"+server.Addr()+"/0", redis.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = store.Close() }()
	n, err := store.RegisterOperations(context.Background(), "users",
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
