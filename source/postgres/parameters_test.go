package postgres_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/source"
	"github.com/chferry/chferry/source/postgres"
)

// TestParametersOfOthers: what other clients have in their URLs is passed over.
func TestParametersOfOthers(t *testing.T) {
	t.Parallel()
	direct, through := bounced(t)
	direct.exec(t, "CREATE TABLE items (id int PRIMARY KEY); CREATE SCHEMA shop; CREATE TABLE shop.items (id int "+
		"PRIMARY KEY, name text); CREATE TABLE shop.sold (id int PRIMARY KEY)")
	for _, parameters := range []string{
		"pgbouncer=true&connection_limit=1", "schema=public",
		"pool_timeout=10&socket_timeout=5&statement_cache_size=0&sslaccept=accept_invalid_certs",
		"prepareThreshold=0&preparedStatementCacheQueries=0&binaryTransfer=true",
		"reWriteBatchedInserts=true&ApplicationName=x",
		"currentSchema=public&loginTimeout=3",
		"prepared_statements=false&channel_binding=prefer&gssencmode=disable&keepalives=1&keepalives_idle=30",
		"pool_max_conns=3&pool_pre_ping=true&max_overflow=2", "serverVersion=15&charset=utf8",
		"connection_limit=5&pgbouncer=true&sslmode=prefer&connect_timeout=3",
	} {
		for _, address := range []string{direct.url, through.url} {
			if err := open(t, merged(t, address, parameters)).Check(t.Context()); err != nil {
				t.Errorf("%s: %v", parameters, err)
			}
		}
	}
	for parameters, columns := range map[string]int{
		"schema=shop": 2, "currentSchema=shop": 2, "schema=public": 1, "search_path=shop": 2,
	} {
		b := bundle{source: open(t, merged(t, direct.url, parameters))}
		table := b.describe(t, "items")
		if got := len(table.Columns); got != columns {
			t.Errorf("%s: got %d columns, want %d", parameters, got, columns)
		}
		if err := b.fetchErr(t, table); err != nil {
			t.Errorf("%s: %v", parameters, err)
		}
		ignore := func([]chferry.PrimaryKey) error { return nil }
		if err := b.source.PrimaryKeys(t.Context(), table, 10, ignore); err != nil {
			t.Errorf("%s: %v", parameters, err)
		}
		if got := len(b.describe(t, "public.items").Columns); got != 1 {
			t.Errorf("%s: got %d columns of the table in public, want 1", parameters, got)
		}
	}
}

// TestUnknownParameters are named before anything is connected.
func TestUnknownParameters(t *testing.T) {
	t.Parallel()
	for name, mend := range map[string]string{
		"connections_limit": "take it out", "sslmod": "take it out", "statementTimeout": "take it out",
		"usessl": "sslmode=require", "sslcrl": "take it out", "replication": "take it out",
	} {
		_, err := postgres.Open("postgres://app:s3cret@127.0.0.1:1/shop?"+name+"=s3cret", source.Options{Alias: alias})
		wantCode(t, err, chferry.CodeConfiguration, alias, "url", " "+name+" ", mend)
		hidesPassword(t, name, err)
	}
	_, err := postgres.Open("postgres://app@127.0.0.1:1/shop?a%20s3cret=1", source.Options{Alias: alias})
	if wantCode(t, err, chferry.CodeConfiguration, alias); strings.Contains(err.Error(), "s3cret") {
		t.Errorf("the error %q holds what may be a password", err)
	}
}

// TestRefusedParameters are what a server or a pooler does not take.
func TestRefusedParameters(t *testing.T) {
	t.Parallel()
	direct, through := bounced(t)
	for _, test := range []struct{ address, parameters, names string }{
		{direct.url, "work_mem=s3cret", "work_mem"},
		{direct.url, "lc_monetary=s3cret", "lc_monetary"},
		{direct.url, "options=-c%20no_such_setting%3Ds3cret", "parameter"},
		{direct.url, "enable_everything=on", "enable_everything"},
		{through.url, "work_mem=4MB", "work_mem"},
	} {
		b := open(t, merged(t, test.address, test.parameters))
		err := b.Check(t.Context())
		wantCode(t, err, chferry.CodeConfiguration, alias, test.names)
		hidesPassword(t, test.parameters, err)
		_, err = b.Describe(t.Context(), "items", nil)
		wantCode(t, err, chferry.CodeConfiguration, alias, test.names)
	}
}

// merged returns a URL with more parameters.
func merged(t *testing.T, address, parameters string) string {
	t.Helper()
	return edited(t, address, func(u *url.URL) {
		if u.RawQuery != "" {
			parameters = "&" + parameters
		}
		u.RawQuery += parameters
	})
}
