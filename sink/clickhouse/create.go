package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/ClickHouse/ch-go/proto"
	ch "github.com/ClickHouse/clickhouse-go/v2"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/sink"
)

// Create runs statements that Missing returned. See [sink.Sink].
func (c *Client) Create(ctx context.Context, statements []sink.Statement) error {
	for _, s := range statements {
		err := c.exec(ctx, "create "+s.Creates, s.SQL)
		if isThere := s.Kind == sink.Column && isDuplicate(err); err != nil && !isThere {
			return explainCreate(s, err)
		}
	}
	return nil
}

// configured returns what of the configuration becomes part of the statement that creates the table.
func configured(d sink.Destination) sink.Configured {
	of := sink.Configured{
		PartitionBy: d.Options.PartitionBy, TTL: d.Options.TTL, Settings: settingsClause(d.Options.Settings),
	}
	for _, name := range slices.Sorted(maps.Keys(d.Options.Codecs)) {
		of.Codec += d.Options.Codecs[name] + " "
	}
	if r := d.Options.Replicated; r != nil {
		of.Replicated = r.Path + " " + r.Replica + " "
	}
	return of
}

// byKey returns the texts by the keys that they were configured with.
func byKey(of sink.Configured) map[string]string {
	texts := map[string]string{
		"destination.partition_by": of.PartitionBy, "destination.ttl": of.TTL, "destination.codec": of.Codec,
		"destination.settings": of.Settings, "destination.replicated": of.Replicated,
	}
	maps.DeleteFunc(texts, func(_, text string) bool { return text == "" })
	return texts
}

// keyOfException is the configuration's key that an exception is about, whatever words it has.
var keyOfException = map[proto.Error]string{
	proto.ErrUnknownCodec: "destination.codec", proto.ErrIllegalCodecParameter: "destination.codec",
	proto.ErrBadTTLExpression: "destination.ttl",
	proto.ErrUnknownPolicy:    "destination.settings", proto.ErrUnknownSetting: "destination.settings",
	proto.ErrNoElementsInConfig: "destination.replicated",
}

// explainCreate names the key of the configuration for which the server refused a statement. No row
// is in it, so that the server's words are those of the configuration.
func explainCreate(s sink.Statement, err error) error {
	var exception *ch.Exception
	code, texts := chferry.CodeOf(err), byKey(s.Configured)
	if len(texts) == 0 || code == chferry.CodeUnavailable || code == chferry.CodeAccessDenied ||
		!errors.As(err, &exception) {
		return err
	}
	number := proto.Error(exception.Code)
	words := serverWords(exception.Message)
	key := keyOfException[number]
	if _, ok := texts[key]; !ok {
		key = strings.Join(keysWith(texts, words), " or ")
	}
	name := ""
	if number.IsAError() {
		name = " " + number.String()
	}
	if words != "" {
		words = " (" + words + ")"
	}
	return chferry.WrapError(chferry.CodeConfiguration, err, "create %s: ClickHouse refused with code %d%s%s: mend %s",
		s.Creates, exception.Code, name, words, key)
}

var (
	firstSentence = regexp.MustCompile(
		`^[^\n]*?(\. | \(line |: [Ww]hile | while |, required |: In scope | in scope |$)`)
	statementWord = regexp.MustCompile(`(?i)\b(select|create|alter|insert)\b`)
	aWord         = regexp.MustCompile(`[A-Za-z_][A-Za-z0-9_]*`)
)

// serverWords is the first sentence of a message, which says what is wrong; empty if it may hold a
// part of the statement.
func serverWords(message string) string {
	const most = 150
	words := firstSentence.FindString(message)
	for _, end := range []string{
		". ", " (line ", ": While ", ": while ", " while ", ", required ", ": In scope ",
		" in scope ",
	} {
		words = strings.TrimSuffix(words, end)
	}
	if len(words) > most || statementWord.MatchString(words) {
		return ""
	}
	return words
}

// keysWith returns the keys whose texts have one of the words; all of them if none has.
func keysWith(texts map[string]string, words string) []string {
	said := aWord.FindAllString(words, -1)
	wasSaid := func(word string) bool { return slices.Contains(said, word) }
	var keys []string
	for _, key := range slices.Sorted(maps.Keys(texts)) {
		if slices.ContainsFunc(aWord.FindAllString(texts[key], -1), wasSaid) {
			keys = append(keys, key)
		}
	}
	if len(keys) == 0 {
		return slices.Sorted(maps.Keys(texts))
	}
	return keys
}

// checkSettings refuses settings that a new table would not have: a server takes those of queries
// there, and forgets them.
func (c *Client) checkSettings(ctx context.Context, t table, d sink.Destination) error {
	if len(d.Options.Settings) == 0 {
		return nil
	}
	known := map[string]bool{}
	err := c.query(ctx, "look at the settings of tables", func(scan func(...any) error) error {
		var name string
		err := scan(&name)
		known[name] = true
		return err
	}, "SELECT name FROM system.merge_tree_settings")
	if err != nil && !isMissing(err) {
		return err
	}
	var problems []error
	for _, name := range slices.Sorted(maps.Keys(d.Options.Settings)) {
		if len(known) > 0 && !known[name] {
			problems = append(problems,
				chferry.Errorf(chferry.CodeConfiguration,
					"table %s: destination.settings names %q, which is no setting of tables "+
						"on this server: system.merge_tree_settings has them%s", t, name, resembling(name, known)))
		}
	}
	return errors.Join(problems...)
}

// resembling names the known setting that differs in underscores alone.
func resembling(name string, known map[string]bool) string {
	bare := strings.ReplaceAll(name, "_", "")
	for _, candidate := range slices.Sorted(maps.Keys(known)) {
		if strings.ReplaceAll(candidate, "_", "") == bare {
			return fmt.Sprintf(", such as %q", candidate)
		}
	}
	return ""
}
