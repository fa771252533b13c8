package httpserver

import (
	"context"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	chproto "github.com/ClickHouse/ch-go/proto"
	"github.com/ClickHouse/clickhouse-go/v2/lib/column"
	"github.com/ClickHouse/clickhouse-go/v2/lib/proto"

	"github.com/chferry/chferry/embedded/chdbserver/internal/chdb"
)

// helloSQL is what ClickHouse's client for Go asks first.
const helloSQL = "SELECT displayName(), version(), revision(), timezone()"

// about is what a client learns of the server.
type about struct{ name, version, timezone string }

func aboutServer(ctx context.Context, engine *chdb.Engine) (about, error) {
	session, err := engine.Open(ctx)
	if err != nil {
		return about{}, err
	}
	defer session.Close()
	answer, _, err := session.Run(chdb.Statement{SQL: "SELECT version(), timezone()", Format: "TabSeparated"})
	if err != nil {
		return about{}, err
	}
	version, timezone, _ := strings.Cut(strings.TrimSpace(string(answer)), "\t")
	return about{"chdbserver", version, timezone}, nil
}

// isHello tells whether the client asks which revision of the protocol we speak. Our blocks come from the engine as
// they were before there were revisions, so we must say 0. To rewrite them into a newer revision would mean to read
// every type there is, and values of some (JSON, Dynamic) do not survive it.
func (r *request) isHello() bool {
	return r.revision > 0 && r.Format == "Native" && strings.TrimSpace(r.SQL) == helloSQL
}

func (r *request) readRevision(query url.Values) error {
	text := query.Get("client_protocol_version")
	if text == "" {
		return nil
	}
	revision, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return chdb.Errorf(chdb.BadArguments, "client_protocol_version %q is no number", text)
	}
	r.revision = revision
	return nil
}

// hello answers in the revision that the client expects until it has read the answer.
func (a *answer) hello(server about, req *request) error {
	block := proto.NewBlock()
	for _, c := range []struct {
		name string
		of   column.Type
	}{{"displayName()", "String"}, {"version()", "String"}, {"revision()", "UInt32"}, {"timezone()", "String"}} {
		if err := block.AddColumn(c.name, c.of); err != nil {
			return fmt.Errorf("answer hello: %w", err)
		}
	}
	if err := block.Append(server.name, server.version, uint32(0), server.timezone); err != nil {
		return fmt.Errorf("answer hello: %w", err)
	}
	var buffer chproto.Buffer
	if err := block.Encode(&buffer, req.revision); err != nil {
		return fmt.Errorf("answer hello: %w", err)
	}
	return a.write(buffer.Buf)
}
