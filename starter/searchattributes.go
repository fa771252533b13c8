package starter

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/workflows"
)

// wantedAttributes are the search attributes by which syncs are found.
var wantedAttributes = []struct {
	name string
	kind enums.IndexedValueType
}{
	{workflows.ImportKeyAttribute.GetName(), enums.INDEXED_VALUE_TYPE_KEYWORD},
	{workflows.OutcomeAttribute.GetName(), enums.INDEXED_VALUE_TYPE_KEYWORD},
	{workflows.RowsAttribute.GetName(), enums.INDEXED_VALUE_TYPE_INT},
}

// SearchAttributes says whether the namespace has the search attributes.
type SearchAttributes struct {
	// Missing are the names of those that it lacks, or lacked before EnsureSearchAttributes created them.
	Missing []string
	// Usable tells whether workflows can be given all of them.
	Usable bool
	// Command creates those that are missing, for somebody who has the right to; empty if none is.
	Command string
}

// EnsureSearchAttributes creates the search attributes that the namespace lacks, unless dryRun is
// set. Where that is not allowed, they are not usable and everything else works. An attribute that
// exists with another type gives CodeConfiguration.
func (s *Starter) EnsureSearchAttributes(ctx context.Context, dryRun bool) (SearchAttributes, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	known, err := s.searchAttributes(ctx)
	if err != nil {
		return SearchAttributes{}, err
	}
	var out SearchAttributes
	create := map[string]enums.IndexedValueType{}
	var command strings.Builder
	fmt.Fprintf(&command, "temporal operator search-attribute create --namespace %s", s.namespace)
	for _, want := range wantedAttributes {
		kind, ok := known[want.name]
		if ok && kind != want.kind {
			return SearchAttributes{}, chferry.Errorf(chferry.CodeConfiguration,
				"search attribute %s of namespace %q has type %s, chferry needs %s: "+
					"remove it, or use another namespace",
				want.name, s.namespace, kind, want.kind)
		}
		if !ok {
			create[want.name] = want.kind
			out.Missing = append(out.Missing, want.name)
			fmt.Fprintf(&command, " --name %s --type %s", want.name, want.kind)
		}
	}
	if len(create) == 0 {
		out.Usable = true
		return out, nil
	}
	out.Command = command.String()
	if dryRun {
		return out, nil
	}
	_, err = s.client.OperatorService().AddSearchAttributes(ctx, &operatorservice.AddSearchAttributesRequest{
		Namespace: s.namespace, SearchAttributes: create,
	})
	if notAllowed(err) {
		return out, nil
	}
	out.Usable = err == nil
	return out, s.translate(err)
}

// searchAttributes asks the workflow service, which hosted namespaces answer too.
func (s *Starter) searchAttributes(ctx context.Context) (map[string]enums.IndexedValueType, error) {
	listed, err := s.client.OperatorService().ListSearchAttributes(ctx,
		&operatorservice.ListSearchAttributesRequest{Namespace: s.namespace})
	if err == nil {
		return listed.GetCustomAttributes(), nil
	}
	if !notAllowed(err) {
		return nil, s.translate(err)
	}
	known, err := s.client.WorkflowService().GetSearchAttributes(ctx, &workflowservice.GetSearchAttributesRequest{})
	if err != nil {
		return nil, s.translate(err)
	}
	return known.GetKeys(), nil
}

func notAllowed(err error) bool {
	var denied *serviceerror.PermissionDenied
	var unimplemented *serviceerror.Unimplemented
	return errors.As(err, &denied) || errors.As(err, &unimplemented)
}
