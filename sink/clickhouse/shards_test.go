package clickhouse_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/embedded"
	"github.com/chferry/chferry/internal/testenv"
	"github.com/chferry/chferry/sink"
	"github.com/chferry/chferry/sink/clickhouse"
)

// clusters are what a server is told of clusters: one of two shards, and one of two replicas.
const clusters = `<macros><cluster>pair</cluster></macros><remote_servers>
<halves>
  <shard><replica><host>127.0.0.1</host><port>9000</port></replica></shard>
  <shard><replica><host>127.0.0.2</host><port>9000</port></replica></shard>
</halves>
<pair><shard>
  <replica><host>127.0.0.1</host><port>9000</port></replica>
  <replica><host>127.0.0.2</host><port>9000</port></replica>
</shard></pair>
</remote_servers></yandex>`

// TestClustersOfShards refuses a cluster whose shards would have versions of a row each, and takes one of replicas.
func TestClustersOfShards(t *testing.T) {
	t.Parallel()
	private := testenv.Private(t, embedded.StartClickHouse, embedded.Options{})
	s := open(t, func(testing.TB) string { return private.URL })
	file := filepath.Join(private.Dir, "config.xml")
	config, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(strings.Replace(string(config), "</yandex>", clusters, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	s.exec(t, "SYSTEM RELOAD CONFIG")
	for name, want := range map[string]string{
		"halves": `"halves" has 2 shards in system.clusters`, "pair": "",
		"other": `no cluster "other" in destination.cluster, only halves, pair`, "{cluster}": "",
	} {
		wantConfiguration(t, s, clustered(name), want)
	}
}

// TestUnknownCluster is told before anything is created.
func TestUnknownCluster(t *testing.T) {
	onServers(t, func(t *testing.T, s *server) {
		wantConfiguration(t, s, clustered("main"), `no cluster "main", nor any other, in system.clusters`)
	})
}

func clustered(cluster string) sink.Destination {
	d := destination("users", []string{"id"}, column("id", int64Type), column("name", stringType))
	d.Options.Cluster = cluster
	return d
}

// wantConfiguration wants the destination refused with a text, or taken if there is none.
func wantConfiguration(t *testing.T, s *server, d sink.Destination, want string) {
	t.Helper()
	_, err := s.Missing(t.Context(), d)
	switch {
	case want == "" && err != nil:
		t.Errorf("got %v, want no error", err)
	case want != "" && (chferry.CodeOf(err) != chferry.CodeConfiguration || !strings.Contains(err.Error(), want)):
		t.Errorf("got %v, want it refused with %s", err, want)
	}
}

// TestSeveralServers refuses a table whose rows would be on one of several servers, the one that answered.
func TestSeveralServers(t *testing.T) { onServers(t, testSeveralServers) }

func testSeveralServers(t *testing.T, s *server) {
	d := clustered("")
	both := *s
	host := strings.Split(strings.SplitN(s.url, "//", 2)[1], "/")[0]
	host = host[strings.LastIndex(host, "@")+1:]
	both.Client = openClient(t, strings.Replace(s.url, host, "127.0.0.77,"+host, 1), clickhouse.Options{})
	wantConfiguration(t, &both, d, "the table must be replicated")
	s.create(t, d)
	wantConfiguration(t, &both, d, "the engine of the table is ReplacingMergeTree")
}

// TestDifferentShards compares the paths of replicas, where no keeper runs.
func TestDifferentShards(t *testing.T) {
	t.Parallel()
	hosts := []string{"a:9000", "b:9000", "c:9000"}
	for _, same := range [][]string{{"", "", ""}, {"/t", "/t", "/t"}, {"", "/t", ""}, {"/t", "", "/t"}} {
		if err := clickhouse.DifferentShards(hosts, same); err != nil {
			t.Errorf("%v: got %v", same, err)
		}
	}
	err := clickhouse.DifferentShards(hosts, []string{"", "/t/1", "/t/2"})
	if chferry.CodeOf(err) != chferry.CodeConfiguration || !strings.Contains(err.Error(), "b:9000 and c:9000") {
		t.Errorf("got %v, want two shards named", err)
	}
}

// replica is a server that holds a replica with a path, as far as a server without a keeper can say so: its
// system.replicas is a table of the test's. While it is away, it closes connections.
type replica struct {
	http.Handler
	host string
	away atomic.Bool
}

func (s *server) replica(t *testing.T, name, path string) *replica {
	t.Helper()
	s.exec(t,
		"CREATE TABLE "+name+" (database String, table String, zookeeper_path String) ENGINE = Memory",
		"INSERT INTO "+name+" SELECT currentDatabase(), 'users', '"+path+"'")
	behind, err := url.Parse(s.url)
	if err != nil {
		t.Fatal(err)
	}
	r := &replica{Handler: &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.Out.URL.Scheme, r.Out.URL.Host = behind.Scheme, behind.Host
		body, _ := io.ReadAll(r.In.Body)
		body = bytes.ReplaceAll(body, []byte("system.replicas"), []byte(name))
		r.Out.Body, r.Out.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	}}}
	front := httptest.NewServer(r)
	t.Cleanup(front.Close)
	r.host = front.Listener.Addr().String()
	return r
}

func (r *replica) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	if r.away.Load() {
		panic(http.ErrAbortHandler)
	}
	r.Handler.ServeHTTP(w, request)
}

// TestShardThatComesBack: a server that does not answer is asked when it is back, and refused if it is another
// shard. Once all servers have answered, none is asked again.
func TestShardThatComesBack(t *testing.T) {
	t.Parallel()
	s := open(t, testenv.ModernClickHouse)
	first, same, other := s.replica(t, "first", "/users/1"), s.replica(t, "same", "/users/1"),
		s.replica(t, "other", "/users/2")
	client := func(hosts ...string) *clickhouse.Client {
		u, err := url.Parse(s.url)
		if err != nil {
			t.Fatal(err)
		}
		return openClient(t, strings.Replace(s.url, u.Host, strings.Join(hosts, ","), 1), clickhouse.Options{})
	}
	check := func(c *clickhouse.Client, want chferry.Code) {
		t.Helper()
		if err := c.CheckHosts(t.Context(), "users"); err != nil != (want != "") || err != nil &&
			chferry.CodeOf(err) != want {
			t.Errorf("got %v, want code %q", err, want)
		}
	}
	apart, together := client(first.host, other.host), client(first.host, same.host)
	check(together, "")
	other.away.Store(true)
	check(apart, "")
	other.away.Store(false)
	check(apart, chferry.CodeConfiguration)
	s.exec(t, "DROP TABLE same", "CREATE TABLE same AS other", "INSERT INTO same SELECT * FROM other")
	check(together, "")
}
