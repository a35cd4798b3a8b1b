// A client made of HashiCorp's own yamux and RPC codec, against the RPC port given as its argument. Ends with "ok".
package main

import (
	"bytes"
	"fmt"
	"net"
	"net/rpc"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-msgpack/codec"
	msgpackrpc "github.com/hashicorp/net-rpc-msgpackrpc"
	"github.com/hashicorp/yamux"
)

type dirEntry struct {
	Key   string
	Value []byte
	Flags uint64
}
type kvsRequest struct {
	Datacenter string
	Op         string
	DirEnt     dirEntry
}
type keyRequest struct {
	Datacenter    string
	Key           string
	MinQueryIndex uint64
	MaxQueryTime  time.Duration
}
type dirEntries struct {
	Entries     []*dirEntry
	Index       uint64
	KnownLeader bool
}

func check(err error, what string) {
	if err != nil {
		fmt.Printf("%s: %v\n", what, err)
		os.Exit(1)
	}
}

func must(ok bool, what string) {
	if !ok {
		fmt.Println("failed: " + what)
		os.Exit(1)
	}
}

var handle = &codec.MsgpackHandle{RawToString: true}

func client(session *yamux.Session) rpc.ClientCodec {
	stream, err := session.Open()
	check(err, "open")
	return msgpackrpc.NewCodecFromHandle(true, true, stream, handle)
}

func main() {
	address := os.Args[1]
	conn, err := net.Dial("tcp", address)
	check(err, "dial")
	_, err = conn.Write([]byte{4})
	check(err, "byte")
	session, err := yamux.Client(conn, yamux.DefaultConfig())
	check(err, "session")

	first := client(session)
	var leader string
	check(msgpackrpc.CallWithCodec(first, "Status.Leader", &struct{}{}, &leader), "leader")
	must(leader == address, "leader is "+leader)
	_, err = session.Ping()
	check(err, "ping")

	// More than a window, from many streams at once.
	var group sync.WaitGroup
	for number := 0; number < 30; number++ {
		group.Add(1)
		go func(number int) {
			defer group.Done()
			codec := client(session)
			value := bytes.Repeat([]byte{byte(number)}, 300_000+number)
			key := fmt.Sprintf("go/%d", number)
			var done bool
			entry := dirEntry{Key: key, Value: value, Flags: 1<<63 + uint64(number)}
			check(msgpackrpc.CallWithCodec(codec, "KVS.Apply", &kvsRequest{"dc1", "set", entry}, &done), "put")
			var found dirEntries
			check(msgpackrpc.CallWithCodec(codec, "KVS.Get", &keyRequest{Datacenter: "dc1", Key: key}, &found), "get")
			must(len(found.Entries) == 1 && bytes.Equal(found.Entries[0].Value, value), "value of "+key)
			must(found.Entries[0].Flags == 1<<63+uint64(number), "flags of "+key)
			must(found.KnownLeader && found.Index > 0, "meta of "+key)
		}(number)
	}
	group.Wait()

	// One reply of many megabytes.
	var all dirEntries
	check(msgpackrpc.CallWithCodec(first, "KVS.List", &keyRequest{Datacenter: "dc1", Key: "go/"}, &all), "list")
	must(len(all.Entries) == 30, "list")

	// A blocked read and the write that ends it.
	var before, after dirEntries
	check(msgpackrpc.CallWithCodec(first, "KVS.Get", &keyRequest{Datacenter: "dc1", Key: "go/0"}, &before), "before")
	woken := make(chan error, 1)
	waiting := client(session)
	go func() {
		request := &keyRequest{Datacenter: "dc1", Key: "go/0", MinQueryIndex: before.Index, MaxQueryTime: time.Minute}
		woken <- msgpackrpc.CallWithCodec(waiting, "KVS.Get", request, &after)
	}()
	var done bool
	entry := dirEntry{Key: "go/0", Value: []byte("new")}
	check(msgpackrpc.CallWithCodec(first, "KVS.Apply", &kvsRequest{"dc1", "set", entry}, &done), "wake")
	check(<-woken, "woken")
	must(after.Index > before.Index && string(after.Entries[0].Value) == "new", "woken value")

	// Errors keep the connection, unknown methods end it.
	err = msgpackrpc.CallWithCodec(first, "KVS.Get", &keyRequest{Datacenter: "dc9", Key: "a"}, &after)
	must(err != nil && err.Error() == "No path to datacenter", fmt.Sprint(err))
	check(msgpackrpc.CallWithCodec(first, "Status.Ping", &struct{}{}, &struct{}{}), "ping behind an error")
	err = msgpackrpc.CallWithCodec(first, "Nope.Nope", &struct{}{}, &struct{}{})
	must(err != nil && err.Error() == "rpc: can't find service Nope.Nope", fmt.Sprint(err))
	err = msgpackrpc.CallWithCodec(first, "Status.Ping", &struct{}{}, &struct{}{})
	must(err != nil && !strings.Contains(err.Error(), "find"), "the stream goes on behind an unknown method")
	check(session.Close(), "close")
	fmt.Println("ok")
}
