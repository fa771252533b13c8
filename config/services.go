package config

import (
	"fmt"
	"net"
	neturl "net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/chferry/chferry"
)

func readTemporal(s *section) Temporal {
	t := Temporal{TaskQueue: chferry.DefaultTaskQueue, IDPrefix: chferry.DefaultIDPrefix}
	for _, setting := range []struct {
		key  string
		into *string
	}{{"address", &t.Address}, {"namespace", &t.Namespace}, {"task_queue", &t.TaskQueue}, {"id_prefix", &t.IDPrefix}} {
		if s.text(setting.key, setting.into) && *setting.into == "" {
			s.fail(setting.key, "is empty: write a value, or leave the key out")
		}
	}
	if strings.Contains(t.Address, "@") {
		s.fail("address", "must look like host:port, without a user or password: Temporal takes an API key or a "+
			"certificate")
	}
	s.end()
	return t
}

// redisPrefix leaves out braces, which choose the slot of a cluster, and the signs that patterns of keys are made of.
var redisPrefix = regexp.MustCompile(`^[A-Za-z0-9_.:-]{1,64}$`)

// maxDurabilityTimeout leaves the API, which gives Redis five seconds, the time to answer.
const maxDurabilityTimeout = 4 * time.Second

func readRedis(s *section) Redis {
	r := Redis{URL: requireURL(s, []string{"redis", "rediss"}), Prefix: chferry.DefaultRedisPrefix}
	if s.text("prefix", &r.Prefix) && !redisPrefix.MatchString(r.Prefix) {
		s.fail("prefix", "must be 1 to 64 of A-Z a-z 0-9 _ . : -")
	}
	durability := s.section("durability")
	var replicas int64
	durability.number("replicas", 0, 100, &replicas)
	r.Replicas = int(replicas)
	durability.boolean("aof", &r.AOF)
	if durability.duration("timeout", &r.Timeout) &&
		(r.Timeout < time.Millisecond || r.Timeout > maxDurabilityTimeout) {
		durability.fail("timeout", "must be from 1ms to %s", maxDurabilityTimeout)
	}
	durability.end()
	s.end()
	return r
}

// readURL reads a section that has nothing but a URL, which is required.
func readURL(s *section, schemes ...string) string {
	url := requireURL(s, schemes)
	s.end()
	return url
}

func requireURL(s *section, schemes []string) string {
	var url string
	switch {
	case s.url("url", &url):
		checkURL(s, "url", url, schemes)
	case !s.has("url"):
		s.fail("url", "is missing: write one that starts with %s", schemeList(schemes))
	}
	return url
}

// checkURL checks the form only; the rest is the driver's, which knows it. The URL itself is not shown: it may hold a
// password.
func checkURL(s *section, key, url string, schemes []string) {
	scheme, rest, _ := strings.Cut(url, ":")
	switch {
	case scheme == "mysql":
		s.fail(key, "has the scheme %s, which is not supported yet: use %s", scheme, schemeList(schemes))
	case !slices.Contains(schemes, scheme) || !strings.HasPrefix(url, prefix(scheme)):
		s.fail(key, "must start with %s", schemeList(schemes))
	case scheme == fileScheme:
		if rest == "" || strings.HasPrefix(rest, "//") || strings.Contains(rest, "?") {
			s.fail(key, "must look like sqlite:/path/to/file.db or sqlite:relative.db, without parameters")
		}
	case strings.Trim(rest, "/") == "":
		s.fail(key, "names no host")
	}
}

func prefix(scheme string) string {
	if scheme == fileScheme {
		return scheme + ":"
	}
	return scheme + "://"
}

func schemeList(schemes []string) string {
	prefixes := make([]string, len(schemes))
	for i, scheme := range schemes {
		prefixes[i] = prefix(scheme)
	}
	return strings.Join(prefixes, ", ")
}

// clickHouseDatabase returns the database of a ClickHouse URL, which is that of tables that don't name one.
func clickHouseDatabase(url string) string {
	_, rest, _ := strings.Cut(url, "://")
	rest, query, _ := strings.Cut(rest, "?")
	for _, setting := range strings.Split(query, "&") {
		if name, ok := strings.CutPrefix(setting, "database="); ok {
			return unescaped(name)
		}
	}
	if i := strings.LastIndexByte(rest, '@'); i >= 0 {
		rest = rest[i+1:] // a password may hold a slash
	}
	_, path, _ := strings.Cut(rest, "/")
	if path == "" {
		return "default"
	}
	return unescaped(path)
}

// unescaped returns a part of a URL as it is meant; one that can't be read stays as it is, for the driver to refuse.
func unescaped(part string) string {
	if plain, err := neturl.PathUnescape(part); err == nil {
		return plain
	}
	return part
}

func readAPI(s *section) API {
	api := API{Listen: DefaultListen}
	s.text("listen", &api.Listen)
	host, ok := checkListen(s, api.Listen)
	s.texts("tokens", &api.Tokens)
	for i, token := range api.Tokens {
		// A trailing newline is what a secret read from a file often has, and no header can carry it.
		if token == "" || strings.ContainsFunc(token, noTokenRune) {
			s.fail("tokens", "holds a token, number %d, that is empty or has white space in it", i+1)
		}
	}
	if ok && len(api.Tokens) == 0 && !loopback(host) {
		s.fail("listen", "is not a loopback address, which needs api.tokens: give some, or listen on 127.0.0.1")
	}
	s.end()
	return api
}

func noTokenRune(r rune) bool { return !unicode.IsPrint(r) || unicode.IsSpace(r) }

// minTokenLength is how many characters a token needs that nobody can guess.
const minTokenLength = 16

// Weaknesses returns a sentence for each token that is short enough to be guessed. Such a token is accepted.
func (a API) Weaknesses() []string {
	var found []string
	for i, token := range a.Tokens {
		if len(token) < minTokenLength {
			found = append(found,
				fmt.Sprintf("token number %d of api.tokens has fewer than %d characters and can be guessed: make one "+
					"with openssl rand -base64 24",
					i+1, minTokenLength))
		}
	}
	return found
}

func readMetrics(s *section) Metrics {
	var m Metrics
	if s.text("listen", &m.Listen) {
		checkListen(s, m.Listen)
	}
	s.end()
	return m
}

func checkListen(s *section, address string) (host string, ok bool) {
	host, port, err := net.SplitHostPort(address)
	if n, portErr := strconv.Atoi(port); err != nil || portErr != nil || n < 0 || n > 65535 {
		s.fail("listen", "must be an address and a port, such as 127.0.0.1:8088")
		return "", false
	}
	return host, true
}

func loopback(host string) bool {
	return host == "localhost" || net.ParseIP(host).IsLoopback()
}
