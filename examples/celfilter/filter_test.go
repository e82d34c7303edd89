package celfilter_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/confed-project/confed/examples/celfilter"
	"github.com/confed-project/confed/placement"
)

func ExampleNew() {
	fleet, err := placement.NewFleet([]placement.Cluster{
		{Name: "lyon", Region: "eu", Properties: map[string]string{"gpus": "8"}},
		{Name: "nice", Region: "eu", Properties: map[string]string{"gpus": "2"}},
		{Name: "reno", Region: "us", Properties: map[string]string{"gpus": "8"}},
		{Name: "sea"},
	})
	fmt.Println(err)
	filter, err := celfilter.New("gpus in eu", `cluster.region == "eu" && int(cluster.properties.gpus) >= 4`)
	fmt.Println(err)
	result, err := placement.Decide(placement.Request{
		Policy:  placement.Policy{Selector: &placement.Selector{}},
		Filters: []placement.Filter{filter},
	}, fleet)
	fmt.Print(result.Explain())
	fmt.Println(err)
	// Output:
	// <nil>
	// <nil>
	// 1 of 4 selected
	// + lyon  Matched: clusterSelector matches
	// - nice  Filtered (gpus in eu): the filter gpus in eu refuses it
	// - reno  Filtered (gpus in eu): the filter gpus in eu refuses it
	// - sea   Undecided (gpus in eu): the filter gpus in eu failed
	// cluster "sea": filters[gpus in eu]: invalid: no such key: region
}

func TestRefused(t *testing.T) {
	for expression, want := range map[string]string{
		`cluster.region ==`: "Syntax error",
		`node.region == ""`: "undeclared reference",
		`1 + 1`:             "not a bool",
	} {
		if _, err := celfilter.New("x", expression); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", expression, err)
		}
	}
}

// TestCostIsBounded: an expression that would take for ever fails for the cluster.
func TestCostIsBounded(t *testing.T) {
	list := "[" + strings.Repeat("1,", 60) + "1]"
	filter, err := celfilter.New("slow", fmt.Sprintf("%s.all(a, %s.all(b, %s.all(c, a+b+c > 0)))", list, list, list))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := filter.Allow(placement.Subject{}, placement.Cluster{Name: "a"}); err == nil || !strings.Contains(err.Error(), "cost limit") {
		t.Error(err)
	}
}
