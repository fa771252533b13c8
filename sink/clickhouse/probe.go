package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/ClickHouse/ch-go/proto"
	ch "github.com/ClickHouse/clickhouse-go/v2"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/rowset"
	"github.com/chferry/chferry/sink"
)

// refusedExpression are the exceptions that an expression, or a codec, would also get in a
// statement that creates something. Any other may be about the question, such as a right that a
// user lacks.
var refusedExpression = []proto.Error{
	proto.ErrUnknownFunction, proto.ErrIllegalTypeOfArgument, proto.ErrNumberOfArgumentsDoesntMatch,
	proto.ErrUnknownIdentifier, proto.ErrTooManyArgumentsForFunction, proto.ErrTooFewArgumentsForFunction,
	proto.ErrSyntaxError, proto.ErrTypeMismatch, proto.ErrNoCommonType, proto.ErrBadArguments,
	proto.ErrIllegalAggregation, proto.ErrUnknownCodec, proto.ErrIllegalCodecParameter,
}

// Probe asks the server about each text of the configuration that is part of a statement, by
// queries that change nothing. See [sink.Prober].
func (c *Client) Probe(ctx context.Context, d sink.Destination, statements []sink.Statement) error {
	f, err := c.features(ctx)
	if err != nil {
		return err
	}
	var problems []error
	for _, s := range statements {
		if s.Configured == (sink.Configured{}) {
			continue
		}
		of := []error{c.probeExpressions(ctx, f, d, s), c.probePlaces(ctx, d, s)}
		for _, column := range d.Columns {
			if s.Kind != sink.Column || s.Column == column.Destination {
				of = append(of, c.probeCodec(ctx, f, d, s, column))
			}
		}
		if errors.Join(of...) == nil { // else the statement fails of what has been told
			of = append(of, c.probeCreate(ctx, f, d, s))
		}
		problems = append(problems, of...)
	}
	return errors.Join(problems...)
}

// probeExpressions asks for the type of partition_by and ttl, in a row with the columns that they use.
func (c *Client) probeExpressions(ctx context.Context, f *features, d sink.Destination, s sink.Statement) error {
	var problems []error
	if text := s.Configured.PartitionBy; text != "" {
		_, err := c.typeOf(ctx, f, d, s, text, sink.Configured{PartitionBy: text})
		problems = append(problems, err)
	}
	for _, part := range splitList(s.Configured.TTL) {
		text := ttlExpression(part)
		got, err := c.typeOf(ctx, f, d, s, text, sink.Configured{TTL: text})
		if err == nil && got != "" && !strings.HasPrefix(got, "Date") {
			err = chferry.Errorf(chferry.CodeConfiguration,
				"create %s: the expression of destination.ttl is of type %s: it must be a Date or DateTime",
				s.Creates, got)
		}
		problems = append(problems, err)
	}
	return errors.Join(problems...)
}

// typeOf returns the type of an expression; empty if the server does not tell. The error says that
// the server would refuse the expression.
func (c *Client) typeOf(ctx context.Context, f *features, d sink.Destination, s sink.Statement, expression string,
	of sink.Configured,
) (name string, err error) {
	row := "(SELECT 1 AS " + quote("any column")
	used := identifiersIn(expression)
	for _, column := range d.Columns {
		if slices.Contains(used, column.Destination) { // an element that an array does not have is the type's default
			row += fmt.Sprintf(", CAST([] AS Array(%s))[1] AS %s", f.typeOf(column), quote(column.Destination))
		}
	}
	row += ")"
	ask := "SELECT toTypeName(" + expression + ") FROM " + row + " WHERE ignore(" + expression + ") = 0"
	return name, c.probe(ctx, s, of, "SELECT '' FROM "+row, ask, &name)
}

// probeCodec asks for a table function with a column like the one to be made.
func (c *Client) probeCodec(ctx context.Context, f *features, d sink.Destination, s sink.Statement,
	column rowset.Column,
) error {
	codec, ok := d.Options.Codecs[column.Destination]
	if !ok {
		return nil
	}
	table := func(o chferry.TableOptions) string {
		return "SELECT '' FROM null(" + literal(f.columnDefinition(column, o)) + ") LIMIT 1"
	}
	var ignored string
	return c.probe(ctx, s, sink.Configured{Codec: codec}, table(chferry.TableOptions{}), table(d.Options), &ignored)
}

// probe asks a question whose answer is one text, if the server can answer a like one that is right
// for sure. A refusal names the key of the configuration; everything else that goes wrong is no
// answer.
func (c *Client) probe(ctx context.Context, s sink.Statement, of sink.Configured, like, ask string,
	answer *string,
) error {
	const doing = "ask ClickHouse about expressions"
	scan := func(scan func(...any) error) error { return scan(answer) }
	if err := c.query(ctx, doing, scan, like); err != nil {
		return nil //nolint:nilerr // an old server, or a user who may not ask
	}
	err := c.query(ctx, doing, scan, ask)
	var exception *ch.Exception
	if errors.As(err, &exception) && slices.Contains(refusedExpression, proto.Error(exception.Code)) {
		return explainCreate(sink.Statement{Kind: s.Kind, Creates: s.Creates, Configured: of}, err)
	}
	return nil
}

var (
	quotedAny = regexp.MustCompile("'[^']*'|`[^`]*`|\"[^\"]*\"")
	// ttlAction is what may stand behind the expression of a TTL.
	ttlAction = regexp.MustCompile(`(?i)\s(DELETE|TO\s+DISK|TO\s+VOLUME|RECOMPRESS|WHERE|GROUP\s+BY)\b`)
)

// ttlExpression returns the expression of one part of a TTL, without what is to be done then.
func ttlExpression(part string) string {
	masked := quotedAny.ReplaceAllStringFunc(part,
		func(quoted string) string { return strings.Repeat("'", len(quoted)) })
	if action := ttlAction.FindStringIndex(masked); action != nil {
		return part[:action[0]]
	}
	return part
}
