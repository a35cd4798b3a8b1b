package main

import (
	"fmt"
	"time"

	"github.com/hashicorp/consul/api"
)

func (s *subject) catalog() error {
	catalog := s.c.Catalog()
	node, service := s.name("external"), s.name("db")
	registration := &api.CatalogRegistration{
		Node: node, Address: "10.9.9.9", NodeMeta: map[string]string{"external": s.run},
		Service: &api.AgentService{ID: service, Service: service, Port: 5432, Tags: []string{"primary"}},
		Check:   &api.AgentCheck{Node: node, CheckID: "db", Name: "db", Status: api.HealthPassing, ServiceID: service},
	}
	if _, err := catalog.Register(registration, nil); err != nil {
		return err
	}
	// What a client writes through one agent it reads by another at once: default reads are the leader's.
	here, _, err := s.other.Catalog().Service(service, "primary", nil)
	if err != nil {
		return err
	}
	nodes, _, err := s.other.Catalog().Nodes(&api.QueryOptions{NodeMeta: map[string]string{"external": s.run}})
	if err != nil {
		return err
	}
	names, meta, err := catalog.Services(&api.QueryOptions{RequireConsistent: true})
	if err != nil {
		return err
	}
	one, _, err := catalog.Node(node, nil)
	if err != nil {
		return err
	}
	all, _, err := catalog.NodeServiceList(node, nil)
	if err != nil {
		return err
	}
	datacenters, err := catalog.Datacenters()
	if err != nil {
		return err
	}
	if err := first(
		want(len(here) == 1 && here[0].ServicePort == 5432 && here[0].Address == "10.9.9.9", "service: %+v", here),
		want(len(nodes) == 1 && nodes[0].Node == node, "nodes by meta: %+v", nodes),
		want(len(names[service]) == 1, "services: %v", names),
		want(meta.LastIndex > 0 && meta.KnownLeader, "meta: %+v", meta),
		want(one.Services[service] != nil && len(all.Services) == 1, "node: %+v %+v", one, all),
		want(len(datacenters) == 1, "datacenters: %v", datacenters),
	); err != nil {
		return err
	}
	_, err = catalog.Deregister(&api.CatalogDeregistration{Node: node}, nil)
	if err != nil {
		return err
	}
	gone, _, err := s.other.Catalog().Service(service, "", nil)
	return first(err, want(len(gone) == 0, "left: %+v", gone))
}

func (s *subject) health() error {
	node, service := s.name("hnode"), s.name("hsvc")
	register := func(status string) error {
		_, err := s.other.Catalog().Register(&api.CatalogRegistration{
			Node: node, Address: "10.9.9.8",
			Service: &api.AgentService{ID: service, Service: service},
			Check:   &api.AgentCheck{Node: node, CheckID: "h", Name: "h", Status: status, ServiceID: service},
		}, nil)
		return err
	}
	defer s.c.Catalog().Deregister(&api.CatalogDeregistration{Node: node}, nil)
	if err := register(api.HealthPassing); err != nil {
		return err
	}
	for _, consistency := range []string{"default", "stale", "consistent"} {
		options := func(index uint64) *api.QueryOptions {
			return &api.QueryOptions{
				WaitIndex: index, WaitTime: 30 * time.Second,
				AllowStale: consistency == "stale", RequireConsistent: consistency == "consistent",
			}
		}
		if err := register(api.HealthPassing); err != nil {
			return err
		}
		_, written, err := s.other.Health().Service(service, "", true, nil)
		if err != nil {
			return err
		}
		var index uint64
		if err := until("passing, "+consistency, func() error {
			entries, meta, err := s.c.Health().Service(service, "", true, options(0))
			if err != nil {
				return err
			}
			index = meta.LastIndex
			// A server that lags may still show the time before.
			return want(len(entries) == 1 && index >= written.LastIndex, "%d entries, index %d", len(entries), index)
		}); err != nil {
			return err
		}
		type answer struct {
			count int
			index uint64
			err   error
		}
		woken := make(chan answer, 1)
		go func() {
			for {
				entries, meta, err := s.c.Health().Service(service, "", true, options(index))
				if err != nil {
					woken <- answer{err: err}
					return
				}
				// A query may wake for nothing; what counts is that it shows the change and that its index grew.
				if len(entries) == 0 {
					woken <- answer{len(entries), meta.LastIndex, nil}
					return
				}
			}
		}()
		select {
		case early := <-woken:
			return fmt.Errorf("%s: woke before the change: %+v", consistency, early)
		case <-time.After(300 * time.Millisecond):
		}
		if err := register(api.HealthCritical); err != nil {
			return err
		}
		select {
		case got := <-woken:
			if err := first(got.err, want(got.index > index, "%s: index %d after %d", consistency, got.index, index)); err != nil {
				return err
			}
		case <-time.After(10 * time.Second):
			return fmt.Errorf("%s: the blocking query did not wake", consistency)
		}
	}
	state, _, err := s.c.Health().State(api.HealthCritical, &api.QueryOptions{Filter: `Node == "` + node + `"`})
	if err != nil {
		return err
	}
	checks, _, err := s.c.Health().Checks(service, nil)
	if err != nil {
		return err
	}
	of, _, err := s.c.Health().Node(s.nodeName(), nil)
	return first(
		err,
		want(len(state) == 1, "state: %+v", state),
		want(len(checks) == 1 && checks[0].Status == api.HealthCritical, "checks: %+v", checks),
		want(of.AggregatedStatus() == api.HealthPassing, "node: %+v", of),
	)
}

func (s *subject) cached() error {
	node, service := s.name("cnode"), s.name("csvc")
	register := func(port int) error {
		_, err := s.other.Catalog().Register(&api.CatalogRegistration{
			Node: node, Address: "10.9.9.7", Service: &api.AgentService{ID: service, Service: service, Port: port},
		}, nil)
		return err
	}
	if err := register(1); err != nil {
		return err
	}
	defer s.c.Catalog().Deregister(&api.CatalogDeregistration{Node: node}, nil)
	options := &api.QueryOptions{UseCache: true}
	// The first answer may come from what a server knew a moment ago.
	if err := until("first cached answer", func() error {
		entries, _, err := s.c.Health().Service(service, "", false, options)
		return first(err, want(len(entries) == 1 && entries[0].Service.Port == 1, "%d entries", len(entries)))
	}); err != nil {
		return err
	}
	_, meta, err := s.c.Health().Service(service, "", false, options)
	if err := first(err, want(meta.CacheHit, "no hit: %+v", meta), register(2)); err != nil {
		return err
	}
	return until("the cache follows", func() error {
		entries, meta, err := s.c.Health().Service(service, "", false, options)
		return first(err, want(len(entries) == 1 && entries[0].Service.Port == 2 && meta.CacheHit, "%+v", meta))
	})
}

func (s *subject) queries() error {
	node, service := s.name("qnode"), s.name("qsvc")
	if _, err := s.c.Catalog().Register(&api.CatalogRegistration{
		Node: node, Address: "10.9.9.6", Service: &api.AgentService{ID: service, Service: service, Port: 99, Tags: []string{"t"}},
	}, nil); err != nil {
		return err
	}
	defer s.c.Catalog().Deregister(&api.CatalogDeregistration{Node: node}, nil)
	query := s.c.PreparedQuery()
	definition := &api.PreparedQueryDefinition{Name: s.name("q"), Service: api.ServiceQuery{Service: service, OnlyPassing: true, Near: "_agent"}}
	id, _, err := query.Create(definition, nil)
	if err != nil {
		return err
	}
	for _, name := range []string{id, s.name("q")} {
		answer, _, err := s.other.PreparedQuery().Execute(name, nil)
		if err := first(err, want(len(answer.Nodes) == 1 && answer.Nodes[0].Service.Port == 99 && answer.Datacenter == "dc1", "%+v", answer)); err != nil {
			return err
		}
	}
	definition.ID, definition.Service.Tags = id, []string{"none"}
	if _, err := s.other.PreparedQuery().Update(definition, nil); err != nil {
		return err
	}
	answer, _, err := query.Execute(id, nil)
	if err := first(err, want(len(answer.Nodes) == 0, "by a tag nobody has: %+v", answer.Nodes)); err != nil {
		return err
	}
	list, _, err := query.List(nil)
	if err := first(err, want(len(list) >= 1, "list: %+v", list)); err != nil {
		return err
	}
	if _, err := query.Delete(id, nil); err != nil {
		return err
	}
	_, _, err = s.other.PreparedQuery().Execute(id, nil)
	return want(err != nil, "executed after its end")
}
