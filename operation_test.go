package chferry_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/chferry/chferry"
)

func operation(change func(*chferry.Operation)) chferry.Operation {
	op := chferry.Operation{Kind: chferry.Update, Database: "shop", PrimaryKey: chferry.PrimaryKey{"7", "42"}}
	change(&op)
	return op
}

func TestOperationValidate(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*chferry.Operation){
		"as it is":      func(*chferry.Operation) {},
		"insert":        func(op *chferry.Operation) { op.Kind = chferry.Insert },
		"delete":        func(op *chferry.Operation) { op.Kind = chferry.Delete },
		"no database":   func(op *chferry.Operation) { op.Database = "" },
		"longest alias": func(op *chferry.Operation) { op.Database = strings.Repeat("d", chferry.MaxDatabaseBytes) },
		"most parts": func(op *chferry.Operation) {
			op.PrimaryKey = slices.Repeat(chferry.PrimaryKey{"1"}, chferry.MaxPrimaryKeyParts)
		},
		"largest key": func(op *chferry.Operation) {
			op.PrimaryKey = chferry.PrimaryKey{strings.Repeat("x", chferry.MaxPrimaryKeyBytes)}
		},
		"hurting key": func(op *chferry.Operation) {
			op.PrimaryKey = chferry.PrimaryKey{
				".:|{}'\" \n\x00\xff",
				" ",
			}
		},
		"empty text":      func(op *chferry.Operation) { op.PrimaryKey = chferry.PrimaryKey{""} },
		"empty texts":     func(op *chferry.Operation) { op.PrimaryKey = chferry.PrimaryKey{"", "1", ""} },
		"the word delete": func(op *chferry.Operation) { op.PrimaryKey = chferry.PrimaryKey{"delete"} },
	} {
		if err := operation(change).Validate(); err != nil {
			t.Errorf("%s: got %v, want no error", name, err)
		}
	}
}

func TestOperationValidateRefuses(t *testing.T) {
	t.Parallel()
	half := strings.Repeat("x", chferry.MaxPrimaryKeyBytes/2+1)
	for name, change := range map[string]func(*chferry.Operation){
		"no kind":          func(op *chferry.Operation) { op.Kind = "" },
		"unknown kind":     func(op *chferry.Operation) { op.Kind = "upsert" },
		"kind in capitals": func(op *chferry.Operation) { op.Kind = "INSERT" },
		"alias too long": func(op *chferry.Operation) {
			op.Database = strings.Repeat("d",
				chferry.MaxDatabaseBytes+1)
		},
		"no key":          func(op *chferry.Operation) { op.PrimaryKey = nil },
		"key of no value": func(op *chferry.Operation) { op.PrimaryKey = chferry.PrimaryKey{} },
		"too many parts": func(op *chferry.Operation) {
			op.PrimaryKey = slices.Repeat(chferry.PrimaryKey{"1"}, chferry.MaxPrimaryKeyParts+1)
		},
		"too large":         func(op *chferry.Operation) { op.PrimaryKey = chferry.PrimaryKey{half + half} },
		"too large in sum":  func(op *chferry.Operation) { op.PrimaryKey = chferry.PrimaryKey{half, half} },
		"a very long kind":  func(op *chferry.Operation) { op.Kind = chferry.Kind(strings.Repeat("k", 1<<20)) },
		"kind and key both": func(op *chferry.Operation) { op.Kind, op.PrimaryKey = "", nil },
	} {
		err := operation(change).Validate()
		if err == nil || chferry.CodeOf(err) != chferry.CodeInvalid {
			t.Errorf("%s: got %v, want %s", name, err, chferry.CodeInvalid)
			continue
		}
		if len(err.Error()) > 200 || strings.Contains(err.Error(), "42") || strings.Contains(err.Error(), "xxx") {
			t.Errorf("%s: error %.300q shows the key or is too long", name, err)
		}
	}
}

func TestValidateOperations(t *testing.T) {
	t.Parallel()
	good := operation(func(*chferry.Operation) {})
	bad := operation(func(op *chferry.Operation) { op.PrimaryKey = nil })
	most := slices.Repeat([]chferry.Operation{good}, chferry.MaxOperations)
	for name, test := range map[string]struct {
		ops   []chferry.Operation
		want  chferry.Code
		names string
	}{
		"none":        {},
		"most":        {ops: most},
		"one more":    {append(slices.Clone(most), good), chferry.CodeTooLarge, "10000"},
		"third bad":   {[]chferry.Operation{good, good, bad, bad}, chferry.CodeInvalid, "operation 3:"},
		"last is bad": {append(slices.Clone(most[1:]), bad), chferry.CodeInvalid, "operation 10000:"},
	} {
		err := chferry.ValidateOperations(test.ops)
		if test.want == "" {
			if err != nil {
				t.Errorf("%s: got %v, want no error", name, err)
			}
			continue
		}
		if err == nil || chferry.CodeOf(err) != test.want || !strings.Contains(err.Error(), test.names) {
			t.Errorf("%s: got %v, want %s that names %s", name, err, test.want, test.names)
		}
	}
}

func TestImportKeyValidate(t *testing.T) {
	t.Parallel()
	for key, want := range map[chferry.ImportKey]bool{
		"users": true, "U": true, "a.b-c_9": true, chferry.ImportKey("k" + strings.Repeat("x", 127)): true,
		"": false, "9users": false, "_users": false, "a b": false, "a:b": false, "a\n": false, "é": false,
		"a{b}": false,
		chferry.ImportKey("k" + strings.Repeat("x", 128)): false,
	} {
		err := key.Validate()
		if (err == nil) != want || (err != nil && chferry.CodeOf(err) != chferry.CodeInvalid) {
			t.Errorf("%q: got %v, want it valid: %v", key, err, want)
		}
	}
}

// TestErrors makes sure that a cause can be found and is not shown.
func TestErrors(t *testing.T) {
	t.Parallel()
	cause := errors.New("row 42 is confidential")
	err := chferry.WrapError(chferry.CodeUnavailable, cause, "database %q does not answer", "shop")
	if got, want := err.Error(), `database "shop" does not answer`; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if !errors.Is(err, cause) {
		t.Error("the cause was lost")
	}
	outer := chferry.WrapError(chferry.CodeConfiguration, err, "check failed")
	if got, want := chferry.CodeOf(outer), chferry.CodeConfiguration; got != want {
		t.Errorf("got code %s, want the outermost, %s", got, want)
	}
	if got, want := chferry.CodeOf(cause), chferry.CodeUnknown; got != want {
		t.Errorf("got code %s, want %s", got, want)
	}
}
