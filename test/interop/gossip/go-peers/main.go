// Members of a gossip pool as Consul 1.10 runs them (serf 0.9.5, memberlist 0.3.1), for tests to talk to: one command
// for each line of standard input, one JSON line for each answer and each event.
//
//	peers -host 127.0.0.1 -count 3 -key BASE64
//
// A command is `ID NAME N ARGUMENT...`: ID comes back with the answer, N is which peer, from 0. See `run` for the names.
package main

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/memberlist"
	"github.com/hashicorp/serf/serf"
)

var (
	output sync.Mutex
	stdout = json.NewEncoder(os.Stdout)
)

func say(value map[string]interface{}) {
	output.Lock()
	defer output.Unlock()
	stdout.Encode(value)
}

type peer struct {
	name string
	serf *serf.Serf
}

// memberlist's profile for one machine; the rest is as Consul sets it.
func config(name, host string, key []byte, tags map[string]string) *serf.Config {
	conf := serf.DefaultConfig()
	conf.NodeName = name
	conf.Tags = tags
	conf.ProtocolVersion = 4
	conf.EnableNameConflictResolution = false
	conf.LeavePropagateDelay = time.Second
	conf.QueryTimeoutMult = 64 // of those that change keys: answers of all are waited for, no longer
	conf.Logger = nil
	conf.LogOutput = io.Discard
	conf.MemberlistConfig = memberlist.DefaultLocalConfig()
	// Three times a LAN's: with 4, one of twenty misses three queries in a thousand, and nobody repeats a query.
	conf.MemberlistConfig.RetransmitMult = 12
	conf.MemberlistConfig.TCPTimeout = memberlist.DefaultLANConfig().TCPTimeout
	conf.MemberlistConfig.BindAddr = host
	conf.MemberlistConfig.BindPort = 0
	conf.MemberlistConfig.AdvertisePort = 0
	conf.MemberlistConfig.LogOutput = io.Discard
	if len(key) > 0 {
		ring, err := memberlist.NewKeyring(nil, key)
		if err != nil {
			panic(err)
		}
		conf.MemberlistConfig.Keyring = ring
		keyringFile, err := os.CreateTemp("", "tribune-go-keyring-")
		if err != nil {
			panic(err)
		}
		conf.KeyringFile = keyringFile.Name()
	}
	return conf
}

func (p *peer) follow(events chan serf.Event) {
	for event := range events {
		switch e := event.(type) {
		case serf.UserEvent:
			say(map[string]interface{}{"peer": p.name, "event": e.Name, "payload": string(e.Payload)})
		case *serf.Query:
			e.Respond([]byte(e.Name + " " + string(e.Payload) + " from " + p.name))
		}
	}
}

func start(name, host string, key []byte, tags map[string]string) *peer {
	conf := config(name, host, key, tags)
	events := make(chan serf.Event, 1024)
	conf.EventCh = events
	created, err := serf.Create(conf)
	if err != nil {
		panic(err)
	}
	p := &peer{name: name, serf: created}
	go p.follow(events)
	return p
}

func (p *peer) members() map[string]string {
	found := map[string]string{}
	for _, member := range p.serf.Members() {
		found[member.Name] = member.Status.String()
	}
	return found
}

func (p *peer) tagsOf() map[string]map[string]string {
	found := map[string]map[string]string{}
	for _, member := range p.serf.Members() {
		found[member.Name] = member.Tags
	}
	return found
}

func (p *peer) query(name, payload string) (map[string]string, error) {
	params := p.serf.DefaultQueryParams()
	params.Timeout = 5 * time.Second
	running, err := p.serf.Query(name, []byte(payload), params)
	if err != nil {
		return nil, err
	}
	answers := map[string]string{}
	for response := range running.ResponseCh() {
		answers[response.From] = string(response.Payload)
	}
	return answers, nil
}

func (p *peer) key(operation, key string) (interface{}, error) {
	manager := p.serf.KeyManager()
	switch operation {
	case "install":
		return manager.InstallKey(key)
	case "use":
		return manager.UseKey(key)
	case "remove":
		return manager.RemoveKey(key)
	default:
		return manager.ListKeys()
	}
}

func (p *peer) run(words []string) (interface{}, error) {
	argument := func(at int) string {
		if at < len(words) {
			return words[at]
		}
		return ""
	}
	switch words[0] {
	case "join":
		return p.serf.Join([]string{argument(1)}, false)
	case "members":
		return p.members(), nil
	case "tags-of":
		return p.tagsOf(), nil
	case "event":
		return true, p.serf.UserEvent(argument(1), []byte(argument(2)), false)
	case "query":
		return p.query(argument(1), argument(2))
	case "key":
		return p.key(argument(1), argument(2))
	case "tags":
		name, value, _ := strings.Cut(argument(1), "=")
		return true, p.serf.SetTags(map[string]string{name: value})
	case "force-leave":
		return true, p.serf.RemoveFailedNode(argument(1))
	case "prune":
		return true, p.serf.RemoveFailedNodePrune(argument(1))
	case "leave":
		if err := p.serf.Leave(); err != nil {
			return nil, err
		}
		return true, p.serf.Shutdown()
	case "crash":
		return true, p.serf.Shutdown()
	case "rtt":
		own, err := p.serf.GetCoordinate()
		if err != nil {
			return nil, err
		}
		other, ok := p.serf.GetCachedCoordinate(argument(1))
		if !ok {
			return nil, fmt.Errorf("no coordinate of %s", argument(1))
		}
		return own.DistanceTo(other).Seconds(), nil
	}
	return nil, fmt.Errorf("unknown command %s", words[0])
}

func main() {
	host := flag.String("host", "127.0.0.1", "address of all peers")
	count := flag.Int("count", 1, "number of peers")
	prefix := flag.String("prefix", "go", "names are PREFIX-N")
	key := flag.String("key", "", "base64 of the gossip key")
	flag.Parse()

	raw, err := base64.StdEncoding.DecodeString(*key)
	if err != nil {
		panic(err)
	}
	peers := make([]*peer, *count)
	addresses := make([]string, *count)
	for at := range peers {
		name := fmt.Sprintf("%s-%d", *prefix, at)
		peers[at] = start(name, *host, raw, map[string]string{"role": "node", "at": strconv.Itoa(at)})
		local := peers[at].serf.Memberlist().LocalNode()
		addresses[at] = net.JoinHostPort(local.Addr.String(), strconv.Itoa(int(local.Port)))
	}
	say(map[string]interface{}{"addresses": addresses})

	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		words := strings.Fields(lines.Text())
		if len(words) < 3 {
			continue
		}
		// `ID COMMAND N ARGUMENTS`: answers may overtake each other.
		id, command := words[0], words[1]
		at, err := strconv.Atoi(words[2])
		if err != nil || at < 0 || at >= len(peers) {
			say(map[string]interface{}{"id": id, "error": "no such peer"})
			continue
		}
		go func() {
			value, err := peers[at].run(append([]string{command}, words[3:]...))
			answer := map[string]interface{}{"id": id, "value": value}
			if err != nil {
				answer["error"] = err.Error()
			}
			say(answer)
		}()
	}
}
