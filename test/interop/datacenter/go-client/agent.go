package main

import (
	"fmt"
	"strings"

	"github.com/hashicorp/consul/api"
)

func (s *subject) nodeName() string {
	name, err := s.c.Agent().NodeName()
	if err != nil {
		panic(err)
	}
	return name
}

func (s *subject) agent() error {
	self, err := s.c.Agent().Self()
	if err != nil {
		return err
	}
	members, err := s.c.Agent().Members(false)
	if err != nil {
		return err
	}
	// Consul's own answer is an error while one of its samples is not a number.
	metrics, err := s.c.Agent().Metrics()
	if err != nil && !strings.Contains(err.Error(), "unsupported value: NaN") {
		return err
	}
	names := map[string]bool{}
	for _, member := range members {
		names[member.Name] = member.Status == 1
	}
	return first(
		want(self["Config"]["NodeName"] == s.nodeName(), "self: %v", self["Config"]),
		want(len(names) >= 4 && names[s.nodeName()], "members: %v", names),
		want(metrics == nil || len(metrics.Gauges) > 0, "no gauges: %v", metrics),
	)
}

func (s *subject) services() error {
	agent := s.c.Agent()
	id, name := s.name("svc-1"), s.name("svc")
	if err := agent.ServiceRegister(&api.AgentServiceRegistration{
		ID: id, Name: name, Port: 8080, Address: "10.1.2.3", Tags: []string{"a", "b"}, Meta: map[string]string{"k": "v"},
		Weights: &api.AgentWeights{Passing: 3, Warning: 2},
		Check:   &api.AgentServiceCheck{CheckID: s.name("ttl"), TTL: "1h"},
	}); err != nil {
		return err
	}
	defer agent.ServiceDeregister(id)
	local, _, err := agent.Service(id, nil)
	if err != nil {
		return err
	}
	state := func(expected string) error {
		return until("status "+expected, func() error {
			entries, _, err := s.other.Health().Service(name, "a", false, nil)
			if err != nil || len(entries) != 1 {
				return fmt.Errorf("%d instances, %v", len(entries), err)
			}
			got := entries[0].Checks.AggregatedStatus()
			return want(got == expected, "is %s", got)
		})
	}
	status, _, err := agent.AgentHealthServiceByID(id)
	if err != nil {
		return err
	}
	if err := first(
		want(local.Service == name && local.Port == 8080 && local.Meta["k"] == "v" && local.Weights.Passing == 3, "%+v", local),
		want(status == api.HealthCritical, "a TTL check begins with %s", status),
		state(api.HealthCritical),
		agent.UpdateTTL(s.name("ttl"), "fine", api.HealthPassing), state(api.HealthPassing),
		agent.UpdateTTL(s.name("ttl"), "so so", api.HealthWarning), state(api.HealthWarning),
		agent.UpdateTTL(s.name("ttl"), "fine", api.HealthPassing), state(api.HealthPassing),
		agent.EnableServiceMaintenance(id, "why"), state(api.HealthMaint),
		agent.DisableServiceMaintenance(id), state(api.HealthPassing),
		agent.EnableNodeMaintenance("why"), state(api.HealthMaint),
		agent.DisableNodeMaintenance(), state(api.HealthPassing),
	); err != nil {
		return err
	}
	filtered, err := agent.ServicesWithFilter(`Meta.k == "v" and ID == "` + id + `"`)
	if err != nil {
		return err
	}
	checks, err := agent.ChecksWithFilter(`ServiceID == "` + id + `"`)
	if err != nil {
		return err
	}
	return first(
		want(len(filtered) == 1 && len(checks) == 1, "filters: %v, %v", filtered, checks),
		agent.ServiceDeregister(id),
		until("gone", func() error {
			entries, _, err := s.other.Health().Service(name, "", false, nil)
			return first(err, want(len(entries) == 0, "%d are left", len(entries)))
		}),
	)
}
