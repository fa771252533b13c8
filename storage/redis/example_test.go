package redis_test

import (
	"context"
	"fmt"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/storage/redis"
)

// An application registers operations after its transaction was committed.
func ExampleStorage_RegisterOperations() {
	store, err := redis.Open("redis://127.0.0.1:6379/0", redis.Options{})
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
}
