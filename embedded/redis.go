package embedded

import (
	"context"
	"fmt"
	"os/exec"
	"strconv"
	"syscall"

	"github.com/redis/go-redis/v9"
)

// StartRedis starts redis-server with an append-only file. The context bounds the start, not the server's life.
// A missing program is a *MissingError.
func StartRedis(ctx context.Context, opts Options) (*Server, error) {
	const name = "redis"
	binary, found := findProgram("redis-server", "/usr/sbin")
	if !found {
		return nil, &MissingError{
			name, "redis-server", "install it (apt-get install redis-server, dnf install redis, brew install redis)",
		}
	}
	return start(ctx, name, binary, redisServer{}, opts)
}

type redisServer struct{}

func (redisServer) prepare(context.Context, *Server) error { return nil }

func (redisServer) command(ctx context.Context, s *Server) *exec.Cmd {
	// With "always" an acknowledged write survives a power loss, with "no" still the death of the process.
	fsync := "always"
	if s.opts.NoSync {
		fsync = "no"
	}
	return exec.CommandContext(ctx, s.Binary,
		"--bind", loopback,
		"--port", strconv.Itoa(s.port),
		"--dir", s.Dir,
		"--save", "",
		"--appendonly", "yes",
		"--appendfsync", fsync,
		"--maxmemory-policy", "noeviction",
	)
}

func (redisServer) ready(ctx context.Context, s *Server) error {
	client := redis.NewClient(&redis.Options{Addr: s.Addr, MaxRetries: -1})
	defer func() { _ = client.Close() }()
	// While it loads its file, Redis answers PING with an error, as it should for us.
	if err := client.Ping(ctx).Err(); err != nil {
		return fmt.Errorf("ping: %w", err)
	}
	return nil
}

func (redisServer) url(addr string) string      { return "redis://" + addr + "/0" }
func (redisServer) morePorts() int              { return 0 }
func (redisServer) stopSignal() syscall.Signal  { return syscall.SIGTERM }
func (redisServer) deathSignal() syscall.Signal { return syscall.SIGKILL }
