package main

import (
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
)

// options are the command line.
type options struct {
	listen   string
	library  string
	data     string
	password string
	noSync   bool
}

func parse(args []string) (*options, error) {
	o := &options{}
	var passwordFile string
	flags := flag.NewFlagSet("chdbserver", flag.ContinueOnError)
	flags.StringVar(&o.listen, "listen", "127.0.0.1:8123", "`ADDRESS` of this machine alone")
	flags.StringVar(&o.library, "library", "", "`FILE` of libchdb.so, version 26.7 or newer")
	flags.StringVar(&o.data, "data", "", "`FOLDER` of the data")
	flags.StringVar(&passwordFile, "password-file", "", "`FILE` whose first line is the password of the user default")
	flags.BoolVar(&o.noSync, "no-sync", false, "don't force what is inserted to disk: only a power loss loses it")
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	if o.library == "" || o.data == "" || passwordFile == "" || flags.NArg() > 0 {
		return nil, errors.New("chdbserver needs --library, --data and --password-file, and nothing else but options")
	}
	if err := onLoopback(o.listen); err != nil {
		return nil, err
	}
	text, err := os.ReadFile(passwordFile)
	if err != nil {
		return nil, fmt.Errorf("read the password: %w", err)
	}
	if o.password, _, _ = strings.Cut(strings.TrimSpace(string(text)), "\n"); o.password == "" {
		return nil, errors.New("the password is empty: any program on this machine could read our files")
	}
	o.data, err = filepath.Abs(o.data)
	return o, err
}

// onLoopback refuses addresses that other machines can reach. A name might stand for one some day.
func onLoopback(address string) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("read --listen: %w", err)
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return fmt.Errorf("--listen %s: this server listens on loopback only, such as 127.0.0.1", address)
	}
	return nil
}
