package sinktest

import (
	"testing"

	"github.com/chferry/chferry/sink"
)

// gaugeTests are those of a [sink.Gauge].
var gaugeTests = map[string]func(*testing.T, *suite){"PartsPressure": testPartsPressure}

// testPartsPressure counts the parts of a table whose limit is its own.
func testPartsPressure(t *testing.T, s *suite) {
	g, ok := s.Sink.(sink.Gauge)
	if !ok {
		t.Fatalf("%T is no sink.Gauge", s.Sink)
	}
	d := users()
	d.Options.Settings = map[string]string{"parts_to_delay_insert": "20", "parts_to_throw_insert": "1000"}
	want := func(when string, least, most float64) {
		t.Helper()
		got, err := g.PartsPressure(t.Context(), d)
		if err != nil || got < least || got > most {
			t.Errorf("%s: got %v, %v, want %v to %v", when, got, err, least, most)
		}
	}
	want("without the table", 0, 0)
	s.create(t, d)
	want("of an empty table", 0, 0)
	s.insert(t, d, 1, []string{"1", "a", null})
	want("of one part", 1./20, 1./20)
	s.insert(t, d, 2, []string{"2", "a", null})
	want("of two parts, which may have been merged", 1./20, 2./20)
}
