package embedded

import (
	"context"
	"encoding/xml"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"github.com/ClickHouse/clickhouse-go/v2"
)

// StartClickHouse starts clickhouse-server with a user "default" who needs no password, speaking the native protocol
// on Server.Addr. The context bounds the start, not the server's life. A missing program is a *MissingError.
func StartClickHouse(ctx context.Context, opts Options) (*Server, error) {
	const name = "clickhouse"
	binary, found := findProgram("clickhouse-server", "/usr/sbin", "/usr/bin")
	if !found {
		return nil, &MissingError{name, "clickhouse-server", "install the package clickhouse-server"}
	}
	return start(ctx, name, binary, clickHouseServer{}, opts)
}

type clickHouseServer struct{}

// clickHouseConfig is config.xml. Old servers want the root element by its first name, new ones still take it.
type clickHouseConfig struct {
	XMLName         xml.Name `xml:"yandex"`
	LogLevel        string   `xml:"logger>level"`
	LogToConsole    int      `xml:"logger>console"`
	ListenHost      string   `xml:"listen_host"`
	TCPPort         int      `xml:"tcp_port"`
	HTTPPort        int      `xml:"http_port"`
	InterserverPort int      `xml:"interserver_http_port"`
	Path            string   `xml:"path"`
	TmpPath         string   `xml:"tmp_path"`
	UserFilesPath   string   `xml:"user_files_path"`
	SchemaPath      string   `xml:"format_schema_path"`
	UsersConfig     string   `xml:"users_config"`
	DefaultProfile  string   `xml:"default_profile"`
	DefaultDatabase string   `xml:"default_database"`
	Timezone        string   `xml:"timezone"`
	MarkCacheSize   int      `xml:"mark_cache_size"`
}

// clickHouseUsers is users.xml: the one user, from this machine alone. The poll interval, in seconds, is how long an
// idle connection may hold up the server's end.
const clickHouseUsers = `<yandex>
  <profiles><default><poll_interval>1</poll_interval></default></profiles>
  <quotas><default></default></quotas>
  <users><default>
    <password></password>
    <networks><ip>127.0.0.1</ip></networks>
    <profile>default</profile>
    <quota>default</quota>
  </default></users>
</yandex>
`

func (c clickHouseServer) prepare(_ context.Context, s *Server) error {
	data := filepath.Join(s.Dir, "data") + "/" // its paths must end with a slash
	if err := os.MkdirAll(data, 0o750); err != nil {
		return err
	}
	users := filepath.Join(s.Dir, "users.xml")
	config, err := xml.MarshalIndent(clickHouseConfig{
		LogLevel: "warning", LogToConsole: 1,
		ListenHost: loopback, TCPPort: s.port, HTTPPort: s.more[0], InterserverPort: s.more[1],
		Path: data, TmpPath: data + "tmp/", UserFilesPath: data + "user_files/", SchemaPath: data + "format_schemas/",
		UsersConfig: users, DefaultProfile: "default", DefaultDatabase: "default",
		Timezone: "UTC", MarkCacheSize: 64 << 20,
	}, "", "  ")
	if err != nil {
		return fmt.Errorf("write the configuration: %w", err)
	}
	if err := os.WriteFile(users, []byte(clickHouseUsers), 0o600); err != nil {
		return err
	}
	return os.WriteFile(c.config(s), config, 0o600)
}

func (c clickHouseServer) command(ctx context.Context, s *Server) *exec.Cmd {
	return exec.CommandContext(ctx, s.Binary, "--config-file="+c.config(s))
}

func (clickHouseServer) ready(ctx context.Context, s *Server) error {
	options, err := clickhouse.ParseDSN(s.URL)
	if err != nil {
		return fmt.Errorf("read its URL: %w", err)
	}
	conn, err := clickhouse.Open(options)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer func() { _ = conn.Close() }()
	var one uint8
	if err := conn.QueryRow(ctx, "SELECT 1").Scan(&one); err != nil {
		return fmt.Errorf("select: %w", err)
	}
	return nil
}

func (clickHouseServer) config(s *Server) string { return filepath.Join(s.Dir, "config.xml") }

func (clickHouseServer) url(addr string) string      { return "clickhouse://default:@" + addr + "/default" }
func (clickHouseServer) morePorts() int              { return 2 }
func (clickHouseServer) stopSignal() syscall.Signal  { return syscall.SIGTERM }
func (clickHouseServer) deathSignal() syscall.Signal { return syscall.SIGKILL }
