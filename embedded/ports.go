package embedded

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"strconv"
)

const (
	loopback = "127.0.0.1"

	// Below the range from which systems number the near end of connections (from 32768 on Linux). From inside it,
	// the port of a killed server may be taken by any outgoing connection, even by a client that tries to reach that
	// very server and so connects to itself.
	firstPort, lastPort = 20000, 32000

	portTries = 1000
)

// FreePort finds a port of this machine on which nobody listens, and which no outgoing connection gets.
func FreePort(ctx context.Context) (int, error) {
	ports, err := freePorts(ctx, 1)
	if err != nil {
		return 0, err
	}
	return ports[0], nil
}

// freePorts finds n different ports on which nobody listens.
func freePorts(ctx context.Context, n int) ([]int, error) {
	ports := make([]int, 0, n)
	for range portTries {
		if len(ports) == n {
			return ports, nil
		}
		port := firstPort + rand.IntN(lastPort-firstPort)
		listener, err := listen(ctx, port)
		if err != nil {
			continue
		}
		defer func() { _ = listener.Close() }() // held until all are found, so that they differ
		ports = append(ports, port)
	}
	return nil, errors.New("find free ports: none between 20000 and 32000")
}

// portFree is an error when somebody listens on the port.
func portFree(ctx context.Context, port int) error {
	listener, err := listen(ctx, port)
	if err != nil {
		return err
	}
	return listener.Close()
}

func listen(ctx context.Context, port int) (net.Listener, error) {
	var config net.ListenConfig
	return config.Listen(ctx, "tcp", net.JoinHostPort(loopback, strconv.Itoa(port)))
}
