package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/consul/api"
)

func (s *subject) sessions() error {
	session := s.c.Session()
	id, _, err := session.Create(&api.SessionEntry{Name: s.name("s"), TTL: "10s", Behavior: api.SessionBehaviorDelete, LockDelay: time.Nanosecond}, nil)
	if err != nil {
		return err
	}
	info, _, err := s.other.Session().Info(id, nil)
	if err := first(err, want(info != nil && info.Name == s.name("s") && info.Node == s.nodeName(), "info: %+v", info)); err != nil {
		return err
	}
	renewed, _, err := s.other.Session().Renew(id, nil)
	if err := first(err, want(renewed != nil && renewed.TTL == "10s", "renewed: %+v", renewed)); err != nil {
		return err
	}
	mine, _, err := session.Node(s.nodeName(), nil)
	if err := first(err, want(len(mine) >= 1, "sessions of the node: %+v", mine)); err != nil {
		return err
	}
	key := s.run + "/ephemeral"
	got, _, err := s.c.KV().Acquire(&api.KVPair{Key: key, Value: []byte("x"), Session: id}, nil)
	if err := first(err, want(got, "not acquired")); err != nil {
		return err
	}
	if _, err := s.other.Session().Destroy(id, nil); err != nil {
		return err
	}
	pair, _, err := s.c.KV().Get(key, nil)
	if err := first(err, want(pair == nil, "outlived its session: %+v", pair)); err != nil {
		return err
	}
	gone, _, err := session.Renew(id, nil)
	return first(err, want(gone == nil, "renewed after its end: %+v", gone))
}

func (s *subject) lock() error {
	key := s.run + "/lock"
	options := func() *api.LockOptions {
		return &api.LockOptions{Key: key, Value: []byte("me"), SessionTTL: "10s", LockDelay: time.Nanosecond, MonitorRetries: 3}
	}
	mine, err := s.c.LockOpts(options())
	if err != nil {
		return err
	}
	theirs, err := s.other.LockOpts(options())
	if err != nil {
		return err
	}
	lost, err := mine.Lock(nil)
	if err := first(err, want(lost != nil, "no channel")); err != nil {
		return err
	}
	acquired := make(chan error, 1)
	go func() {
		held, err := theirs.Lock(nil)
		acquired <- first(err, want(held != nil, "no channel"))
	}()
	select {
	case err := <-acquired:
		return fmt.Errorf("two holders: %v", err)
	case <-lost:
		return errors.New("lost without a reason")
	case <-time.After(500 * time.Millisecond):
	}
	if err := mine.Unlock(); err != nil {
		return err
	}
	select {
	case err := <-acquired:
		if err != nil {
			return err
		}
	case <-time.After(patience):
		return errors.New("not handed over")
	}
	if err := mine.Destroy(); err != api.ErrLockInUse {
		return fmt.Errorf("destroyed a lock that another holds: %v", err)
	}
	// A holder whose session is destroyed hears of it.
	if err := theirs.Unlock(); err != nil {
		return err
	}
	lost, err = mine.Lock(nil)
	if err != nil {
		return err
	}
	pair, _, err := s.other.KV().Get(key, nil)
	if err != nil {
		return err
	}
	if _, err := s.other.Session().Destroy(pair.Session, nil); err != nil {
		return err
	}
	select {
	case <-lost:
		return nil
	case <-time.After(patience):
		return errors.New("the holder does not hear that its session is gone")
	}
}

func (s *subject) semaphore() error {
	prefix := s.run + "/semaphore"
	make := func(c *api.Client) *api.Semaphore {
		semaphore, err := c.SemaphoreOpts(&api.SemaphoreOptions{Prefix: prefix, Limit: 2, SessionTTL: "10s", SemaphoreWaitTime: time.Second, SemaphoreTryOnce: true})
		if err != nil {
			panic(err)
		}
		return semaphore
	}
	one, two, three := make(s.c), make(s.other), make(s.c)
	for at, semaphore := range []*api.Semaphore{one, two} {
		held, err := semaphore.Acquire(nil)
		if err := first(err, want(held != nil, "slot %d not acquired", at)); err != nil {
			return err
		}
	}
	held, err := three.Acquire(nil)
	if err := first(err, want(held == nil, "three of two")); err != nil {
		return err
	}
	if err := two.Release(); err != nil {
		return err
	}
	held, err = three.Acquire(nil)
	return first(err, want(held != nil, "a free slot is not to be had"), one.Release(), three.Release(), one.Destroy())
}
