package config_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/chferry/chferry"
)

// hurtful are the characters that mean something in a URL, and some that can't stand in one.
const hurtful = "x@hunter2/12?a#b:c%41d%[e]f g\"h'i\\j$k&l=m+n,o;p^`{|}~<>é\n"

// withURLs is a configuration with these URLs of the database, its primary, Redis and ClickHouse.
func withURLs(database, primary, redis, clickhouse string) string {
	text := "databases: {default: {url: '" + database + "'"
	if primary != "" {
		text += ", standby_of: '" + primary + "'"
	}
	return text + "}}\nredis: {url: '" + redis + "'}\nclickhouse: {url: '" + clickhouse + "'}\n"
}

// TestPasswordsInURLs: a variable is written so that every parser takes all of it for the password.
func TestPasswordsInURLs(t *testing.T) {
	t.Parallel()
	passwords := []string{
		hurtful, "x@hunter2", "12/x", "#", "?", "%", "%zz", ":", "[", "]", " ", "a b", "@", "/", "\\",
		"${PW}", "plain",
	}
	for _, password := range passwords {
		cfg := mustLoad(t, withURLs("postgres://app:${PW}@db.example:5432/shop",
			"postgres://${USER}:${PW}@primary.example/shop",
			"rediss://:${PW}@redis.example:6380/1", "https://${USER}:${PW}@ch.example:8443/default"),
			map[string]string{"PW": password, "USER": "a@b:/c"})
		for server, found := range map[string]string{
			"db.example:5432": cfg.Databases["default"].URL, "primary.example": cfg.Databases["default"].StandbyOf,
			"redis.example:6380": cfg.Redis.URL, "ch.example:8443": cfg.ClickHouse.URL,
		} {
			u, err := url.Parse(found)
			if err != nil {
				t.Errorf("%q: %s is read as no URL", password, found)
				continue
			}
			if got, _ := u.User.Password(); got != password || u.Host != server {
				t.Errorf("%q: %s has the password %q and the host %q", password, found, got, u.Host)
			}
		}
		if u, err := url.Parse(cfg.Databases["default"].StandbyOf); err != nil || u.User.Username() != "a@b:/c" {
			t.Errorf("%q: got the user of %s, %v", password, cfg.Databases["default"].StandbyOf, err)
		}
	}
}

// TestVariablesInURLs: what a variable stands for decides how it is written.
func TestVariablesInURLs(t *testing.T) {
	t.Parallel()
	const pairs = "sslmode=prefer&connect_timeout=3"             // which ${PAIRS} holds
	const database = "postgres://app:a%40b@h:5432/shop?" + pairs // which ${URL} holds
	for raw, want := range map[string]string{
		"${URL}":                                       database,
		"${URL}&application_name=x":                    database + "&application_name=x",
		"${EMPTY}${URL}":                               database,
		"${SCHEME}://h/shop":                           "postgres://h/shop",
		"postgres://${LOGIN}@h/shop":                   "postgres://app:a%40b@h/shop",
		"postgres://${USER}@h/shop":                    "postgres://a%40b@h/shop",
		"postgres://app@${HOSTS}/shop":                 "postgres://app@h1:1,h2:2,[::1]:3/shop",
		"postgres://app@${HOST}:${PORT}/${NAME}":       "postgres://app@h:5432/a%2Fb",
		"postgres://${HOST}/${NAME}":                   "postgres://h/a%2Fb",
		"postgres://${AUTHORITY}/shop":                 "postgres://app:a%40b@h:5432/shop",
		"postgres://h/shop?sslrootcert=${FILE}":        "postgres://h/shop?sslrootcert=%2Fa%20b%26c.pem",
		"postgres://h/shop?${PAIRS}":                   "postgres://h/shop?" + pairs,
		"postgres://h/shop?connect_timeout=4&${PAIRS}": "postgres://h/shop?connect_timeout=4&" + pairs,
		"postgres://h/$${NAME}":                        "postgres://h/${NAME}",
		"sqlite:/data/${FILE}":                         "sqlite:/data//a b&c.pem",
		"sqlite:${FILE}":                               "sqlite:/a b&c.pem",
		"${FILEURL}":                                   "sqlite:/a@b?.db",
	} {
		if raw == "${FILEURL}" { // refused for its question mark, but not for its @
			continue
		}
		cfg, err := load(t, withURLs(raw, "", "redis://h", "http://h"), map[string]string{
			"URL": "postgres://app:a@b@h:5432/shop?sslmode=prefer&connect_timeout=3", "SCHEME": "postgres",
			"LOGIN": "app:a@b", "USER": "a@b",
			"HOSTS": "h1:1,h2:2,[::1]:3", "HOST": "h", "PORT": "5432", "NAME": "a/b", "AUTHORITY": "app:a@b@h:5432",
			"FILE":  "/a b&c.pem",
			"PAIRS": "sslmode=prefer&connect_timeout=3", "EMPTY": "",
		})
		if err != nil {
			t.Errorf("%s: %v", raw, err)
		} else if got := cfg.Databases["default"].URL; got != want {
			t.Errorf("%s: got %s, want %s", raw, got, want)
		}
	}
}

// TestPasswordsThatEndTheHost: where nobody can tell what is password, nothing is guessed, and nothing shown.
func TestPasswordsThatEndTheHost(t *testing.T) {
	t.Parallel()
	for _, authority := range []string{
		"app:77/hunter2@h:5432", "app:#hunter2@h", "app:hunter2?@h", "hunter2/a@b@h",
		"app:77%hunter2@h",
	} {
		for key, text := range map[string]string{
			"databases.default.url": withURLs("postgres://"+authority+"/shop", "", "redis://h", "http://h"),
			"databases.default.standby_of": withURLs("postgres://h/shop", "postgres://"+authority+"/shop", "redis://h",
				"http://h"),
			"redis.url":      withURLs("postgres://h/shop", "", "redis://"+authority, "http://h"),
			"clickhouse.url": withURLs("${URL}", "", "redis://h", "clickhouse://"+authority),
		} {
			_, err := load(t, text, map[string]string{"URL": "postgres://h/shop"})
			if err == nil || chferry.CodeOf(err) != chferry.CodeConfiguration ||
				!strings.Contains(err.Error(), key+" has a password with") {
				t.Errorf("%s of %s: got %v", key, authority, err)
				continue
			}
			_, message, _ := strings.Cut(err.Error(), ".yaml:") // the file's folder has digits of its own
			for _, part := range []string{"hunter2", "77", "app:"} {
				if strings.Contains(strings.Replace(message, "user:${PASSWORD}@host", "", 1), part) {
					t.Errorf("%s: the error %q shows a part of the URL", key, err)
				}
			}
		}
	}
	_, err := load(t, head+"temporal: {address: 'app:hunter2@127.0.0.1:7233'}\n", nil)
	if err == nil || !strings.Contains(err.Error(), "temporal.address") || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("temporal.address: got %v", err)
	}
}
