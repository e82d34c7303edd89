package clusterregistry_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/confed-project/confed/clusterregistry"
	"github.com/confed-project/confed/placement"
)

func ExampleRegistry() {
	var members clusterregistry.Registry[string] // a program has its clients here
	_ = members.Put(placement.Cluster{Name: "berlin", Region: "eu"}, "https://berlin.example")
	_ = members.Put(placement.Cluster{Name: "tokyo", Region: "ap"}, "https://tokyo.example")

	for c := range members.Fleet().All() { // facts for those who decide
		fmt.Println(c.Name, c.Region)
	}
	conn, err := members.Conn("tokyo") // a connection for the one who acts
	fmt.Println(conn, err)

	lease, _, cancel, _ := members.Lease(context.Background(), "tokyo")
	defer cancel()
	members.Remove("tokyo")
	fmt.Println(context.Cause(lease))
	_, err = members.Conn("tokyo")
	fmt.Println(err, errors.Is(err, clusterregistry.ErrUnknown))
	// Output:
	// berlin eu
	// tokyo ap
	// https://tokyo.example <nil>
	// the connection to the cluster was removed or replaced
	// unknown cluster "tokyo" true
}

func ExampleHealth_After() {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	thresholds := clusterregistry.Thresholds{Failure: 3, Success: 1, Period: 10 * time.Second}
	cluster := placement.Cluster{Name: "berlin"}
	var health clusterregistry.Health // kept by the program, with the cluster
	for _, outcome := range []clusterregistry.Outcome{
		clusterregistry.Healthy, clusterregistry.Healthy, clusterregistry.Healthy, clusterregistry.Healthy,
		clusterregistry.Unreachable, clusterregistry.Unreachable, clusterregistry.Unreachable, clusterregistry.Healthy,
	} {
		health = health.After(clusterregistry.Probe{At: now, Outcome: outcome}, thresholds)
		fmt.Printf("%s → %s, %d against\n", outcome, health.Describe(cluster, now, thresholds).Ready.State, health.Against)
		now = health.Next(thresholds)
	}
	// Output:
	// ClusterReady → True, 0 against
	// ClusterReady → True, 0 against
	// ClusterReady → True, 0 against
	// ClusterReady → True, 0 against
	// ClusterNotReachable → True, 1 against
	// ClusterNotReachable → True, 2 against
	// ClusterNotReachable → False, 0 against
	// ClusterReady → True, 0 against
}
