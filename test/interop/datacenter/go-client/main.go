// Uses a datacenter through HashiCorp's Go client, as somebody else's program would: what is done by way of one agent is
// looked at by way of another. Prints one JSON object a line for each subject: {"name", "error"}.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/hashicorp/consul/api"
)

// subject has one agent to work through, and another on which everything must show.
type subject struct {
	c     *api.Client
	other *api.Client
	// run is put into every name, so that runs in one datacenter do not meet.
	run string
}

// patience is how long something may take to show elsewhere.
const patience = 20 * time.Second

func main() {
	through := flag.String("through", "127.0.0.1:8500", "HTTP address of the agent to use")
	elsewhere := flag.String("elsewhere", "", "HTTP address of the agent to look at")
	run := flag.String("run", "run", "prefix of all names")
	restore := flag.Bool("restore", false, "also restore a snapshot, which puts the whole datacenter back")
	flag.Parse()
	s := &subject{c: client(*through), other: client(*elsewhere), run: *run}
	subjects := []struct {
		name string
		play func() error
	}{
		{"agent", s.agent},
		{"services and checks of the agent", s.services},
		{"catalog", s.catalog},
		{"health, blocking", s.health},
		{"health, cached", s.cached},
		{"kv", s.kv},
		{"kv, blocking", s.kvBlocking},
		{"kv, compare and set", s.cas},
		{"transactions", s.txn},
		{"sessions", s.sessions},
		{"Lock", s.lock},
		{"Semaphore", s.semaphore},
		{"events", s.events},
		{"status", s.status},
		{"operator raft", s.operatorRaft},
		{"operator autopilot", s.autopilot},
		{"coordinates", s.coordinates},
		{"prepared queries", s.queries},
		{"snapshot", func() error { return s.snapshot(*restore) }},
	}
	out := json.NewEncoder(os.Stdout)
	for _, subject := range subjects {
		result := map[string]string{"name": subject.name}
		if err := guarded(subject.play); err != nil {
			result["error"] = err.Error()
		}
		if err := out.Encode(result); err != nil {
			os.Exit(1)
		}
	}
}

// guarded turns a panic, such as the one of an answer that lacks what it must have, into an error.
func guarded(play func() error) (err error) {
	defer func() {
		if panicked := recover(); panicked != nil {
			err = fmt.Errorf("panic: %v", panicked)
		}
	}()
	return play()
}

func client(address string) *api.Client {
	config := api.DefaultConfig()
	config.Address = address
	c, err := api.NewClient(config)
	if err != nil {
		panic(err)
	}
	return c
}

func (s *subject) name(of string) string { return s.run + "-" + of }

// until repeats something until it gives no error.
func until(what string, try func() error) error { return within(patience, what, try) }

func within(patience time.Duration, what string, try func() error) error {
	deadline := time.Now().Add(patience)
	for {
		err := try()
		if err == nil {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%s, not within %v: %w", what, patience, err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func want(holds bool, format string, args ...interface{}) error {
	if holds {
		return nil
	}
	return fmt.Errorf(format, args...)
}

// first gives the first error there is.
func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
