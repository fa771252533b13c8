package api_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/chferry/chferry"
)

func TestSteer(t *testing.T) {
	t.Parallel()
	tests := []struct {
		path   string
		status int
		want   string
	}{
		{"/v1/imports/users/sync", 202, "trigger users"},
		{"/v1/imports/users/pause", 200, "pause users: paused through the API"},
		{"/v1/imports/users/pause?note=moving%20house", 200, "pause users: moving house"},
		{"/v1/imports/users/resume", 200, "resume users: resumed through the API"},
		{"/v1/imports/orders/resume?note=done", 200, "resume orders: done"},
	}
	for _, test := range tests {
		t.Run(test.want, func(t *testing.T) {
			t.Parallel()
			b := setup(t, nil)
			var got struct {
				Key chferry.ImportKey `json:"import_key"`
			}
			decode(t, b.want(t, request{method: "POST", path: test.path}, test.status).Body, &got)
			if got.Key == "" || !slices.Equal(b.schedules.calls, []string{test.want}) {
				t.Errorf("got %v, calls %q, want %q", got, b.schedules.calls, test.want)
			}

			b.schedules.err = errDown
			if response := b.want(t, post(test.path, ""), 503); response.Header().Get("Retry-After") == "" {
				t.Error("503 without Retry-After")
			}
			b.schedules.err = chferry.Errorf(chferry.CodeConfiguration, "there is no schedule: run chferry apply")
			got409 := b.want(t, post(test.path, ""), 409).Body.String()
			if want := `"detail":"there is no schedule: run chferry apply","code":"Configuration"`; !strings.Contains(
				got409, want) {
				t.Errorf("got %s, want %s", got409, want)
			}
			b.schedules.err = errors.New("something else")
			b.want(t, post(test.path, ""), 500)
		})
	}
}
