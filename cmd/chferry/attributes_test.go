package main_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/sdk/client"

	"github.com/chferry/chferry/embedded"
	"github.com/chferry/chferry/internal/testenv"
)

// TestWorkerMakesSureOfAttributes: a worker that starts creates the search attributes that are
// missing, and refuses to start where one has another type.
func TestWorkerMakesSureOfAttributes(t *testing.T) {
	t.Parallel()
	s := setup(t, oneImport)
	address := testenv.Private(t, embedded.StartTemporal, embedded.Options{NoSync: true}).Addr
	s.edit(`address: "`+testenv.Temporal(t), `address: "`+address)
	c, err := client.Dial(client.Options{HostPort: address, Logger: quiet{}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	kinds := func() map[string]enums.IndexedValueType {
		listed, err := c.OperatorService().ListSearchAttributes(t.Context(),
			&operatorservice.ListSearchAttributesRequest{Namespace: "default"})
		if err != nil {
			t.Fatal(err)
		}
		return listed.GetCustomAttributes()
	}
	if _, ok := kinds()["ChferryRows"]; ok {
		t.Fatal("a new server has ChferryRows already")
	}
	worker := s.start("worker")
	s.eventually("the worker has created the search attributes", 20*time.Second, func() error {
		if kinds()["ChferryRows"] != enums.INDEXED_VALUE_TYPE_INT {
			return errors.New(worker.log.String())
		}
		return nil
	})

	_, err = c.OperatorService().RemoveSearchAttributes(t.Context(), &operatorservice.RemoveSearchAttributesRequest{
		Namespace: "default", SearchAttributes: []string{"ChferryOutcome"},
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.OperatorService().AddSearchAttributes(t.Context(), &operatorservice.AddSearchAttributesRequest{
		Namespace: "default",
		SearchAttributes: map[string]enums.IndexedValueType{
			"ChferryOutcome": enums.INDEXED_VALUE_TYPE_DOUBLE,
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	s.eventually("the attribute has another type", 20*time.Second, func() error {
		if got := kinds()["ChferryOutcome"]; got != enums.INDEXED_VALUE_TYPE_DOUBLE {
			return errors.New(got.String())
		}
		return nil
	})
	for _, verb := range []string{"worker", "apply", "check"} {
		status, _, errOut := s.run(verb)
		if status == 0 || !strings.Contains(errOut,
			"search attribute ChferryOutcome of namespace \"default\" has type Double, chferry needs Keyword") {
			t.Errorf("%s: status %d, %s", verb, status, errOut)
		}
	}
}
