package redis

import (
	"context"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/storage"
)

// request is the key of what the last start of a job asked for.
func (k keys) request(kind storage.JobKind) string { return k.base + string(kind) + "-request" }

// KeepRequest implements storage.Requests.
func (s *Storage) KeepRequest(ctx context.Context, key chferry.ImportKey, kind storage.JobKind, id, text string) error {
	if err := validateKind(kind); err != nil {
		return err
	}
	if id == "" {
		return chferry.Errorf(chferry.CodeInvalid, "a request needs an ID")
	}
	if err := s.own(ctx, key); err != nil {
		return err
	}
	if err := s.client.HSet(ctx, s.keys(key).request(kind), "id", id, "text", text).Err(); err != nil {
		return s.translate(err, "keep what a "+string(kind)+" is asked for")
	}
	return nil
}

// Request implements storage.Requests.
func (s *Storage) Request(ctx context.Context, key chferry.ImportKey, kind storage.JobKind, id string) (string, error) {
	if err := validateKind(kind); err != nil {
		return "", err
	}
	fields, err := s.client.HMGet(ctx, s.keys(key).request(kind), "id", "text").Result()
	if err != nil {
		return "", s.translate(err, "read what a "+string(kind)+" is asked for")
	}
	kept, _ := fields[0].(string)
	text, _ := fields[1].(string)
	if id == "" || kept != id {
		return "", chferry.Errorf(chferry.CodeInvalid, "import key %s: what the %s was asked for is kept no longer: "+
			"another start has replaced it, another %[2]s has begun, or the import key was flushed: "+
			"start the %[2]s again", key, kind)
	}
	return text, nil
}
