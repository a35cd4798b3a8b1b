// A hashicorp/raft server for Tribune's interoperation tests: a state machine that remembers every command, the
// transport of a Consul server (first byte 01, addresses looked up by id), driven by lines on standard input.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/raft"
)

type fsm struct {
	mu      sync.Mutex
	Entries [][]byte
}

func (f *fsm) Apply(l *raft.Log) interface{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.Entries = append(f.Entries, l.Data)
	return len(f.Entries)
}

func (f *fsm) Snapshot() (raft.FSMSnapshot, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	bytes, err := json.Marshal(f.Entries)
	return &snapshot{bytes}, err
}

func (f *fsm) Restore(from io.ReadCloser) error {
	defer from.Close()
	var entries [][]byte
	if err := json.NewDecoder(from).Decode(&entries); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.Entries = entries
	return nil
}

type snapshot struct{ bytes []byte }

func (s *snapshot) Persist(sink raft.SnapshotSink) error {
	if _, err := sink.Write(s.bytes); err != nil {
		sink.Cancel()
		return err
	}
	return sink.Close()
}
func (s *snapshot) Release() {}

// The Raft side of Consul's RPC port.
type layer struct{ net.Listener }

func (l *layer) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		first := make([]byte, 1)
		if _, err := io.ReadFull(conn, first); err == nil && first[0] == 1 {
			return conn, nil
		}
		conn.Close()
	}
}

func (l *layer) Dial(address raft.ServerAddress, timeout time.Duration) (net.Conn, error) {
	conn, err := net.DialTimeout("tcp", string(address), timeout)
	if err != nil {
		return nil, err
	}
	if _, err := conn.Write([]byte{1}); err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

type addresses struct{ byID map[string]string }

func (a *addresses) ServerAddr(id raft.ServerID) (raft.ServerAddress, error) {
	if found, ok := a.byID[string(id)]; ok {
		return raft.ServerAddress(found), nil
	}
	return "", fmt.Errorf("no address for %s", id)
}

func main() {
	id := flag.String("id", "", "server id")
	bind := flag.String("bind", "", "host:port")
	peers := flag.String("peers", "", "id=host:port,…")
	trailing := flag.Uint64("trailing", 10240, "log entries kept behind a snapshot")
	multiplier := flag.Int("multiplier", 1, "of Raft's timeouts")
	flag.Parse()

	known := &addresses{map[string]string{}}
	var servers []raft.Server
	for _, peer := range strings.Split(*peers, ",") {
		at := strings.SplitN(peer, "=", 2)
		known.byID[at[0]] = at[1]
		servers = append(servers, raft.Server{ID: raft.ServerID(at[0]), Address: raft.ServerAddress(at[1])})
	}
	listener, err := net.Listen("tcp", *bind)
	must(err)
	transport := raft.NewNetworkTransportWithConfig(&raft.NetworkTransportConfig{
		Stream:                &layer{listener},
		MaxPool:               3,
		Timeout:               10 * time.Second,
		ServerAddressProvider: known,
		Logger:                nil,
	})
	config := raft.DefaultConfig()
	config.LocalID = raft.ServerID(*id)
	config.LogLevel = "ERROR"
	config.TrailingLogs = *trailing
	config.SnapshotInterval = time.Hour
	config.HeartbeatTimeout *= time.Duration(*multiplier)
	config.ElectionTimeout *= time.Duration(*multiplier)
	config.LeaderLeaseTimeout *= time.Duration(*multiplier)
	config.ShutdownOnRemove = false
	state := &fsm{}
	store := raft.NewInmemStore()
	snapshots := raft.NewInmemSnapshotStore()
	node, err := raft.NewRaft(config, state, store, store, snapshots, transport)
	must(err)
	fmt.Println(`{"id":"ready"}`)

	input := bufio.NewScanner(os.Stdin)
	input.Buffer(nil, 64<<20)
	for input.Scan() {
		fields := strings.SplitN(input.Text(), " ", 3)
		argument := ""
		if len(fields) > 2 {
			argument = fields[2]
		}
		go func() {
			value, err := carryOut(node, state, servers, fields[1], argument)
			answer := map[string]interface{}{"id": fields[0], "value": value}
			if err != nil {
				answer["error"] = err.Error()
			}
			bytes, _ := json.Marshal(answer)
			fmt.Println(string(bytes))
		}()
	}
}

func carryOut(node *raft.Raft, state *fsm, servers []raft.Server, command, argument string) (interface{}, error) {
	switch command {
	case "bootstrap":
		return nil, node.BootstrapCluster(raft.Configuration{Servers: servers}).Error()
	case "status":
		return map[string]interface{}{
			"state":   node.State().String(),
			"leader":  string(node.Leader()),
			"applied": node.AppliedIndex(),
			"last":    node.LastIndex(),
			"term":    node.Stats()["term"],
		}, nil
	case "entries":
		state.mu.Lock()
		defer state.mu.Unlock()
		return append([][]byte{}, state.Entries...), nil
	case "apply":
		// A first byte that says key-value, as all of Consul's commands have one.
		return nil, node.Apply([]byte("\x02"+argument), 10*time.Second).Error()
	case "snapshot":
		return nil, node.Snapshot().Error()
	case "transfer":
		if argument == "" {
			return nil, node.LeadershipTransfer().Error()
		}
		at := strings.SplitN(argument, "=", 2)
		return nil, node.LeadershipTransferToServer(raft.ServerID(at[0]), raft.ServerAddress(at[1])).Error()
	case "add":
		at := strings.SplitN(argument, "=", 2)
		return nil, node.AddVoter(raft.ServerID(at[0]), raft.ServerAddress(at[1]), 0, 0).Error()
	}
	return nil, fmt.Errorf("unknown command %q", command)
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
