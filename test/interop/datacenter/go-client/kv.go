package main

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/hashicorp/consul/api"
)

func (s *subject) kv() error {
	kv, prefix := s.c.KV(), s.run+"/kv/"
	big := bytes.Repeat([]byte("0123456789abcdef"), 32*1024-8)
	for key, value := range map[string][]byte{"a": []byte("1"), "b/c": {0, 255, 10}, "b/d": nil, "big": big, "ü %?": []byte("x")} {
		if _, err := kv.Put(&api.KVPair{Key: prefix + key, Value: value, Flags: 1<<64 - 1}, nil); err != nil {
			return err
		}
	}
	other := s.other.KV()
	pair, _, err := other.Get(prefix+"b/c", nil)
	if err := first(err, want(pair != nil && bytes.Equal(pair.Value, []byte{0, 255, 10}) && pair.Flags == 1<<64-1, "b/c: %+v", pair)); err != nil {
		return err
	}
	pair, _, err = other.Get(prefix+"big", nil)
	if err := first(err, want(pair != nil && bytes.Equal(pair.Value, big), "a value of 512 KiB differs")); err != nil {
		return err
	}
	list, _, err := other.List(prefix, nil)
	if err := first(err, want(len(list) == 5, "list: %d", len(list))); err != nil {
		return err
	}
	keys, _, err := other.Keys(prefix, "/", nil)
	if err := first(err, want(strings.Join(keys, ",") == prefix+"a,"+prefix+"b/,"+prefix+"big,"+prefix+"ü %?", "keys: %q", keys)); err != nil {
		return err
	}
	none, _, err := other.Get(prefix+"none", nil)
	if err := first(err, want(none == nil, "there is no key: %+v", none)); err != nil {
		return err
	}
	_, err = kv.Put(&api.KVPair{Key: prefix + "too-big", Value: make([]byte, 512*1024+1)}, nil)
	if err := want(err != nil && strings.Contains(err.Error(), "413"), "more than 512 KiB: %v", err); err != nil {
		return err
	}
	if _, err = kv.DeleteTree(prefix, nil); err != nil {
		return err
	}
	list, _, err = other.List(prefix, nil)
	return first(err, want(len(list) == 0, "left: %d", len(list)))
}

func (s *subject) kvBlocking() error {
	key := s.run + "/blocking"
	if _, err := s.other.KV().Put(&api.KVPair{Key: key, Value: []byte("1")}, nil); err != nil {
		return err
	}
	_, meta, err := s.c.KV().Get(key, nil)
	if err != nil {
		return err
	}
	woken := make(chan error, 1)
	go func() {
		pair, _, err := s.c.KV().Get(key, &api.QueryOptions{WaitIndex: meta.LastIndex, WaitTime: 30 * time.Second})
		woken <- first(err, want(pair != nil && string(pair.Value) == "2", "woke with %+v", pair))
	}()
	select {
	case err := <-woken:
		return fmt.Errorf("woke too early: %v", err)
	case <-time.After(300 * time.Millisecond):
	}
	if _, err := s.other.KV().Put(&api.KVPair{Key: key, Value: []byte("2")}, nil); err != nil {
		return err
	}
	select {
	case err := <-woken:
		if err != nil {
			return err
		}
	case <-time.After(10 * time.Second):
		return errors.New("the query did not wake")
	}
	_, meta, err = s.c.KV().Get(key, nil)
	if err != nil {
		return err
	}
	started := time.Now()
	pair, _, err := s.c.KV().Get(key, &api.QueryOptions{WaitIndex: meta.LastIndex, WaitTime: 500 * time.Millisecond})
	took := time.Since(started)
	return first(err, want(pair != nil && took >= 500*time.Millisecond, "came back after %v", took))
}

func (s *subject) cas() error {
	kv, key := s.c.KV(), s.run+"/cas"
	put := func(index uint64, value string) (bool, error) {
		done, _, err := kv.CAS(&api.KVPair{Key: key, Value: []byte(value), ModifyIndex: index}, nil)
		return done, err
	}
	created, err := put(0, "1")
	if err := first(err, want(created, "not created")); err != nil {
		return err
	}
	again, err := put(0, "2")
	if err := first(err, want(!again, "created twice")); err != nil {
		return err
	}
	pair, _, err := s.other.KV().Get(key, nil)
	if err != nil {
		return err
	}
	changed, err := put(pair.ModifyIndex, "3")
	if err := first(err, want(changed, "not changed")); err != nil {
		return err
	}
	deleted, _, err := s.other.KV().DeleteCAS(pair, nil)
	return first(err, want(!deleted, "deleted by an old index"))
}

func (s *subject) txn() error {
	prefix := s.run + "/txn/"
	set := func(key, value string) *api.TxnOp {
		return &api.TxnOp{KV: &api.KVTxnOp{Verb: api.KVSet, Key: prefix + key, Value: []byte(value)}}
	}
	get := func(key string) *api.TxnOp { return &api.TxnOp{KV: &api.KVTxnOp{Verb: api.KVGet, Key: prefix + key}} }
	ok, response, _, err := s.c.Txn().Txn(api.TxnOps{set("a", "1"), set("b", "2"), get("a")}, nil)
	if err := first(err, want(ok && len(response.Results) == 3 && string(response.Results[2].KV.Value) == "1", "%+v", response)); err != nil {
		return err
	}
	ok, response, _, err = s.other.Txn().Txn(api.TxnOps{get("a"), get("b")}, nil) // reads only: another RPC
	if err := first(err, want(ok && len(response.Results) == 2 && string(response.Results[1].KV.Value) == "2", "%+v", response)); err != nil {
		return err
	}
	node := &api.TxnOp{Node: &api.NodeTxnOp{Verb: api.NodeSet, Node: api.Node{Node: s.name("txn-node"), Address: "10.7.7.7"}}}
	absent := &api.TxnOp{KV: &api.KVTxnOp{Verb: api.KVCheckNotExists, Key: prefix + "b"}}
	ok, response, _, err = s.c.Txn().Txn(api.TxnOps{set("a", "9"), node, absent}, nil)
	if err := first(err, want(!ok && len(response.Errors) == 1 && response.Errors[0].OpIndex == 2, "must be refused: %+v", response)); err != nil {
		return err
	}
	pair, _, err := s.other.KV().Get(prefix+"a", nil)
	if err := first(err, want(string(pair.Value) == "1", "half of a transaction: %s", pair.Value)); err != nil {
		return err
	}
	one, _, err := s.other.Catalog().Node(s.name("txn-node"), nil)
	return first(err, want(one == nil, "half of a transaction: %+v", one))
}
