package main

import (
	"bytes"
	"errors"
	"fmt"
	"sort"
	"strings"
	"time"

	"github.com/hashicorp/consul/api"
)

func (s *subject) events() error {
	id, _, err := s.c.Event().Fire(&api.UserEvent{Name: s.name("deploy"), Payload: []byte("payload")}, nil)
	if err != nil {
		return err
	}
	var index uint64
	for _, agent := range []*api.Client{s.c, s.other} {
		agent := agent
		if err := until("the event", func() error {
			list, meta, err := agent.Event().List(s.name("deploy"), nil)
			if err != nil || len(list) != 1 {
				return fmt.Errorf("%d events, %v", len(list), err)
			}
			index = meta.LastIndex
			return want(list[0].ID == id && string(list[0].Payload) == "payload", "%+v", list[0])
		}); err != nil {
			return err
		}
	}
	woken := make(chan error, 1)
	go func() {
		list, _, err := s.other.Event().List(s.name("deploy"), &api.QueryOptions{WaitIndex: index, WaitTime: 30 * time.Second})
		woken <- first(err, want(len(list) == 2, "%d events", len(list)))
	}()
	time.Sleep(200 * time.Millisecond)
	if _, _, err := s.c.Event().Fire(&api.UserEvent{Name: s.name("deploy")}, nil); err != nil {
		return err
	}
	select {
	case err := <-woken:
		return err
	case <-time.After(patience):
		return errors.New("the watcher of events did not wake")
	}
}

func (s *subject) status() error {
	leader, err := s.c.Status().Leader()
	if err != nil {
		return err
	}
	same, err := s.other.Status().Leader()
	if err != nil {
		return err
	}
	peers, err := s.c.Status().Peers()
	sort.Strings(peers)
	return first(
		err,
		want(leader != "" && leader == same, "leaders %q and %q", leader, same),
		want(len(peers) == 3 && peers[sort.SearchStrings(peers, leader)] == leader, "peers %q of %q", peers, leader),
	)
}

func (s *subject) operatorRaft() error {
	for _, stale := range []bool{false, true} {
		configuration, err := s.c.Operator().RaftGetConfiguration(&api.QueryOptions{AllowStale: stale})
		if err != nil {
			return err
		}
		voters, leaders := 0, 0
		for _, server := range configuration.Servers {
			if server.Voter {
				voters++
			}
			if server.Leader {
				leaders++
			}
		}
		if voters != 3 || leaders != 1 {
			return fmt.Errorf("%d voters, %d leaders: %+v", voters, leaders, configuration.Servers)
		}
	}
	err := s.c.Operator().RaftRemovePeerByID("00000000-0000-0000-0000-000000000000", nil)
	return want(err != nil && strings.Contains(err.Error(), "was not found in the Raft configuration"), "removing nobody: %v", err)
}

func (s *subject) autopilot() error {
	operator := s.c.Operator()
	config, err := operator.AutopilotGetConfiguration(nil)
	if err != nil {
		return err
	}
	was := config.MaxTrailingLogs
	config.MaxTrailingLogs = was + 1
	done, err := operator.AutopilotCASConfiguration(config, nil)
	if err := first(err, want(done, "not set")); err != nil {
		return err
	}
	again, err := operator.AutopilotCASConfiguration(config, nil)
	if err := first(err, want(!again, "set by an old index")); err != nil {
		return err
	}
	now, err := s.other.Operator().AutopilotGetConfiguration(nil)
	if err := first(err, want(now.MaxTrailingLogs == was+1, "%+v", now)); err != nil {
		return err
	}
	now.MaxTrailingLogs = was
	if err := operator.AutopilotSetConfiguration(now, nil); err != nil {
		return err
	}
	return until("healthy", func() error {
		health, err := operator.AutopilotServerHealth(nil)
		if err != nil {
			return err
		}
		state, err := operator.AutopilotState(nil)
		if err != nil {
			return err
		}
		return first(
			want(health.Healthy && len(health.Servers) == 3 && health.FailureTolerance == 1, "health: %+v", health),
			want(state.Healthy && len(state.Voters) == 3 && state.Leader != "", "state: %+v", state),
		)
	})
}

func (s *subject) coordinates() error {
	// Servers meet each other in the pool between datacenters some seconds after they met in their own.
	if err := until("coordinates of all servers", func() error {
		maps, err := s.c.Coordinate().Datacenters()
		return first(err, want(len(maps) == 1 && len(maps[0].Coordinates) == 3, "%d datacenters", len(maps)))
	}); err != nil {
		return err
	}
	// Agents send theirs 15 to 30 s after the last time, and servers put them into the log every 5 s.
	return within(45*time.Second, "own coordinate", func() error {
		own, _, err := s.other.Coordinate().Node(s.nodeName(), nil)
		if err != nil {
			return err
		}
		all, _, err := s.c.Coordinate().Nodes(nil)
		return first(err, want(len(own) == 1 && len(own[0].Coord.Vec) == 8 && len(all) >= 1, "own %+v of %d", own, len(all)))
	})
}

func (s *subject) snapshot(restore bool) error {
	kv, key := s.c.KV(), s.run+"/snapshot"
	if _, err := kv.Put(&api.KVPair{Key: key, Value: []byte("kept")}, nil); err != nil {
		return err
	}
	reader, meta, err := s.c.Snapshot().Save(nil)
	if err != nil {
		return err
	}
	defer reader.Close()
	var archive bytes.Buffer
	if _, err := archive.ReadFrom(reader); err != nil {
		return err
	}
	if err := want(meta.LastIndex > 0 && archive.Len() > 500, "%d bytes, %+v", archive.Len(), meta); err != nil {
		return err
	}
	stale, _, err := s.c.Snapshot().Save(&api.QueryOptions{AllowStale: true})
	if err != nil {
		return err
	}
	stale.Close()
	broken := append([]byte{}, archive.Bytes()...)
	broken[len(broken)/2] ^= 1
	if err := want(s.c.Snapshot().Restore(nil, bytes.NewReader(broken)) != nil, "a damaged archive was restored"); err != nil {
		return err
	}
	if !restore {
		return nil
	}
	if _, err := kv.Put(&api.KVPair{Key: key, Value: []byte("lost")}, nil); err != nil {
		return err
	}
	if err := s.c.Snapshot().Restore(nil, &archive); err != nil {
		return err
	}
	// The leader's answer is the restored state at once; the others catch up by its snapshot.
	for _, stale := range []bool{false, true} {
		if err := until("restored", func() error {
			pair, _, err := s.other.KV().Get(key, &api.QueryOptions{AllowStale: stale})
			return first(err, want(pair != nil && string(pair.Value) == "kept", "%+v", pair))
		}); err != nil {
			return err
		}
	}
	_, err = s.other.KV().Put(&api.KVPair{Key: key + "/after", Value: []byte("1")}, nil)
	return err
}
