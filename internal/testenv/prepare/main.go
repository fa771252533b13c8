// Command prepare builds the Temporal CLI into the user's cache if it is not installed, so that no test's time limit
// has to have room for it.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/chferry/chferry/embedded"
)

func main() {
	if _, err := embedded.TemporalBinary(context.Background(), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
