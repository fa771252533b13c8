package starter_test

import (
	"context"
	"net"
	"strings"
	"testing"

	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/stats"

	"github.com/chferry/chferry/starter"
)

// headers are those of the requests that a server gets.
type headers chan *stats.InHeader

func (h headers) HandleRPC(_ context.Context, s stats.RPCStats) {
	if in, ok := s.(*stats.InHeader); ok {
		h <- in
	}
}

func (headers) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context { return ctx }

func (headers) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }

func (headers) HandleConn(context.Context, stats.ConnStats) {}

// anyNamespace is a server that has every namespace, and nothing else.
type anyNamespace struct {
	workflowservice.UnimplementedWorkflowServiceServer
}

func (anyNamespace) DescribeNamespace(context.Context,
	*workflowservice.DescribeNamespaceRequest,
) (*workflowservice.DescribeNamespaceResponse, error) {
	return &workflowservice.DescribeNamespaceResponse{}, nil
}

// TestNothingPacked: requests go as they are, because packing costs a worker more than it spares.
func TestNothingPacked(t *testing.T) {
	t.Parallel()
	seen := make(headers, 100)
	server := grpc.NewServer(grpc.StatsHandler(seen))
	workflowservice.RegisterWorkflowServiceServer(server, anyNamespace{})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	if err := connect(t, starter.Options{Address: listener.Addr().String()}).Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	for {
		select {
		case request := <-seen:
			if request.Compression != "" {
				t.Errorf("%s is packed with %s", request.FullMethod, request.Compression)
			}
			if strings.HasSuffix(request.FullMethod, "/DescribeNamespace") {
				return
			}
		default:
			t.Fatal("the server was not asked")
		}
	}
}
