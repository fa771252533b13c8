package chferry_test

import (
	"testing"
	"time"

	"github.com/chferry/chferry"
)

func TestAmount(t *testing.T) {
	t.Parallel()
	for n, want := range map[int64]string{
		0: "0 rows", 1: "1 row", 2: "2 rows", 999: "999 rows", 1000: "1,000 rows", 1234567: "1,234,567 rows",
		-1: "-1 rows", -123456: "-123,456 rows",
	} {
		if got := chferry.Amount(n, "row", "rows"); got != want {
			t.Errorf("%d: got %q, want %q", n, got, want)
		}
	}
}

func TestDurationText(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		0: "0s", 10 * time.Second: "10s", 5 * time.Minute: "5m", time.Hour: "1h", 24 * time.Hour: "24h",
		90 * time.Minute: "1h30m", time.Hour + time.Second: "1h0m1s", 1500 * time.Millisecond: "1.5s",
		10 * time.Minute: "10m", 100 * time.Millisecond: "100ms",
	} {
		got := chferry.DurationText(d)
		if back, err := time.ParseDuration(got); got != want || err != nil || back != d {
			t.Errorf("%s: got %q, want %q, which reads %s, %v", d, got, want, back, err)
		}
	}
}
