package config

import (
	"slices"
	"strings"

	"github.com/chferry/chferry"
)

// Database is a source database.
type Database struct {
	URL       string // postgres://, postgresql:// or sqlite:
	StandbyOf string // the primary's URL if URL may lead to a standby; empty: a standby is refused
}

// Driver names a driver of source databases.
type Driver string

// The drivers of source databases.
const (
	PostgreSQL Driver = "postgres"
	SQLite     Driver = "sqlite"
)

// databaseSchemes are the schemes of URLs of source databases, in the order in which errors name
// them, and the driver for each.
var databaseSchemes = []struct {
	name   string
	driver Driver
}{
	{"postgres", PostgreSQL}, {"postgresql", PostgreSQL}, {fileScheme, SQLite},
}

// fileScheme is the scheme of a database which is a file, and has no host.
const fileScheme = "sqlite"

// Driver returns the driver for the URL; empty if the URL has another scheme than those that the
// configuration takes.
func (d Database) Driver() Driver {
	name, _, _ := strings.Cut(d.URL, ":") // a file's path need not be the path of a URL
	for _, scheme := range databaseSchemes {
		if scheme.name == name {
			return scheme.driver
		}
	}
	return ""
}

func readDatabases(s *section) map[string]Database {
	databases := make(map[string]Database, len(s.entries))
	for _, e := range s.entries {
		inner := s.section(e.key)
		if e.key == "" || len(e.key) > chferry.MaxDatabaseBytes {
			inner.found.add(e.line, "databases: an alias has 1 to %d bytes, this one has %d",
				chferry.MaxDatabaseBytes, len(e.key))
		}
		databases[e.key] = readDatabase(inner)
	}
	return databases
}

func readDatabase(s *section) Database {
	var schemes []string
	for _, scheme := range databaseSchemes {
		schemes = append(schemes, scheme.name)
	}
	d := Database{URL: requireURL(s, schemes)}
	if s.url("standby_of", &d.StandbyOf) {
		servers := slices.DeleteFunc(schemes, func(scheme string) bool { return scheme == fileScheme })
		checkURL(s, "standby_of", d.StandbyOf, servers)
		if strings.HasPrefix(d.URL, prefix(fileScheme)) {
			s.fail("standby_of", "is only for database servers, not for files: leave it out")
		}
	}
	s.end()
	return d
}
