package clickhouse

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/rowset"
	"github.com/chferry/chferry/sink"
)

// checkOptions refuses what a new table can't be created with on this server. A codec for a column
// that is not there is no matter for a table that exists, for a column may be dropped at the
// source.
func (f *features) checkOptions(t table, d sink.Destination) error {
	wrong := func(format string, args ...any) error {
		return chferry.Errorf(chferry.CodeConfiguration, "table "+t.String()+": "+format, args...)
	}
	for _, name := range slices.Sorted(maps.Keys(d.Options.Codecs)) {
		if !slices.ContainsFunc(d.Columns, func(c rowset.Column) bool { return c.Destination == name }) {
			return wrong("destination.codec names column %q, which the table would not have", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(d.Options.Settings)) {
		if !settingName.MatchString(name) {
			return wrong("destination.settings names %q, which is no setting's name", name)
		}
	}
	switch r := d.Options.Replicated; {
	case !f.hasCodecs() && len(d.Options.Codecs) > 0:
		return wrong("this ClickHouse is too old for destination.codec")
	case !f.hasTTL() && d.Options.TTL != "":
		return wrong("this ClickHouse is too old for destination.ttl")
	case r != nil && r.Path == "" && !f.hasDefaultReplica():
		return wrong("this ClickHouse has no default for destination.replicated: name path and replica")
	default:
		return nil
	}
}

var (
	quotedText = regexp.MustCompile("'[^']*'")
	ttlKeeps   = regexp.MustCompile(`(?i)\b(TO\s+(DISK|VOLUME)|RECOMPRESS)\b`)
	ttlMixes   = regexp.MustCompile(`(?i)\bGROUP\s+BY\b`)
)

// ttlProblem says why rows would come back: a tombstone has defaults beside its key, and a version
// of a row may have other values than the one before, so that what counts would be deleted before
// what it replaces.
func ttlProblem(d sink.Destination) string {
	for _, part := range splitList(d.Options.TTL) {
		words := quotedText.ReplaceAllString(part, "''")
		if ttlMixes.MatchString(words) {
			return "has a GROUP BY, which mixes versions of rows"
		}
		if ttlKeeps.MatchString(words) {
			continue
		}
		for _, name := range identifiersIn(part) {
			known := slices.ContainsFunc(d.Columns, func(c rowset.Column) bool { return c.Destination == name })
			if known && !slices.Contains(d.Key, name) {
				return "deletes by column \"" + name + "\", which is not in the key (" + strings.Join(d.Key, ", ") +
					"): deleted rows would come back"
			}
		}
	}
	return ""
}

// engine returns the table's engine with its arguments.
func (f *features) engine(d sink.Destination) string {
	layout := d.Engine.Layout()
	columns := layout.Arguments
	if !f.hasIsDeleted() {
		columns = columns[:1]
	}
	name, arguments := layout.Family, quoteAll(columns)
	if r := d.Options.Replicated; r != nil {
		name = "Replicated" + name
		if r.Path != "" {
			arguments = literal(r.Path) + ", " + literal(r.Replica) + ", " + arguments
		}
	}
	return name + "(" + arguments + ")"
}

func (f *features) columnDefinition(c rowset.Column, o chferry.TableOptions) string {
	definition := quote(c.Destination) + " " + f.typeOf(c)
	if codec, ok := o.Codecs[c.Destination]; ok {
		definition += " CODEC(" + codec + ")"
	}
	return definition
}

func onCluster(d sink.Destination) string {
	if d.Options.Cluster == "" {
		return ""
	}
	return " ON CLUSTER " + quote(d.Options.Cluster)
}

var (
	settingName = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
	number      = regexp.MustCompile(`^-?[0-9]+(\.[0-9]+)?$`)
)

func settingsClause(settings map[string]string) string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		value := settings[name]
		if !number.MatchString(value) {
			value = literal(value)
		}
		list = append(list, name+" = "+value)
	}
	if len(list) == 0 {
		return ""
	}
	return "\nSETTINGS " + strings.Join(list, ", ")
}

// literal makes a text of any value.
func literal(value string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(value) + "'"
}
