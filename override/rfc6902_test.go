package override

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

// applyAny is Apply for documents that need not be objects and have no identity.
func applyAny(doc any, patches []Patch) (any, error) {
	prog, err := compile(patches, nil)
	if err != nil {
		return nil, err
	}
	r := run{before: doc, root: doc}
	if err := r.do(prog); err != nil {
		return nil, err
	}
	return r.root, nil
}

func parsePatches(t testing.TB, text string) []Patch {
	t.Helper()
	var out []Patch
	require.NoError(t, json.Unmarshal([]byte(text), &out))
	return out
}

// What the public test suites of RFC 6902 (its appendix A, and the community's list of cases) ask for, in our own form:
// document | patch | result, or ! and what is wrong. Rows in which we differ on purpose say so.
const rfc6902 = `
{"foo":"bar"} | [{"op":"add","path":"/baz","value":"qux"}] | {"foo":"bar","baz":"qux"}
{"foo":["bar","baz"]} | [{"op":"add","path":"/foo/1","value":"qux"}] | {"foo":["bar","qux","baz"]}
{"baz":"qux","foo":"bar"} | [{"op":"remove","path":"/baz"}] | {"foo":"bar"}
{"foo":["bar","qux","baz"]} | [{"op":"remove","path":"/foo/1"}] | {"foo":["bar","baz"]}
{"baz":"qux","foo":"bar"} | [{"op":"replace","path":"/baz","value":"boo"}] | {"baz":"boo","foo":"bar"}
{"foo":{"bar":"baz","waldo":"fred"},"qux":{"corge":"grault"}} | [{"op":"move","from":"/foo/waldo","path":"/qux/thud"}] | {"foo":{"bar":"baz"},"qux":{"corge":"grault","thud":"fred"}}
{"foo":["all","grass","cows","eat"]} | [{"op":"move","from":"/foo/1","path":"/foo/3"}] | {"foo":["all","cows","eat","grass"]}
{"baz":"qux","foo":["a",2,"c"]} | [{"op":"test","path":"/baz","value":"qux"},{"op":"test","path":"/foo/1","value":2}] | {"baz":"qux","foo":["a",2,"c"]}
{"baz":"qux"} | [{"op":"test","path":"/baz","value":"bar"}] | ! test failed
{"foo":"bar"} | [{"op":"add","path":"/child","value":{"grandchild":{}}}] | {"foo":"bar","child":{"grandchild":{}}}
{"foo":"bar"} | [{"op":"add","path":"/baz","value":"qux","xyz":123}] | {"foo":"bar","baz":"qux"}
{"foo":"bar"} | [{"op":"add","path":"/baz/bat","value":"qux"}] | ! not found
{"/":9,"~1":10} | [{"op":"test","path":"/~01","value":10}] | {"/":9,"~1":10}
{"/":9,"~1":10} | [{"op":"test","path":"/~01","value":"10"}] | ! test failed
{"foo":["bar"]} | [{"op":"add","path":"/foo/-","value":["abc","def"]}] | {"foo":["bar",["abc","def"]]}

{} | [] | {}
{"foo":1} | [] | {"foo":1}
["foo"] | [] | ["foo"]
{"foo":1,"bar":2} | [] | {"bar":2,"foo":1}
[{"foo":1,"bar":2}] | [] | [{"bar":2,"foo":1}]
{"foo":{"foo":1,"bar":2}} | [] | {"foo":{"bar":2,"foo":1}}
{"foo":null} | [{"op":"add","path":"/foo","value":1}] | {"foo":1}
[] | [{"op":"add","path":"/0","value":"foo"}] | ["foo"]
["foo"] | [] | ["foo"]
{} | [{"op":"add","path":"/foo","value":"1"}] | {"foo":"1"}
{} | [{"op":"add","path":"/foo","value":1}] | {"foo":1}
"foo" | [{"op":"replace","path":"","value":"bar"}] | "bar"
{"foo":"bar"} | [{"op":"replace","path":"","value":{"baz":"qux"}}] | {"baz":"qux"}
{} | [{"op":"add","path":"/","value":1}] | {"":1}
{"foo":{}} | [{"op":"add","path":"/foo/","value":1}] | {"foo":{"":1}}
{"foo":1} | [{"op":"add","path":"/bar","value":[1,2]}] | {"foo":1,"bar":[1,2]}
{"foo":1,"baz":[{"qux":"hello"}]} | [{"op":"add","path":"/baz/0/foo","value":"world"}] | {"foo":1,"baz":[{"qux":"hello","foo":"world"}]}
{"bar":[1,2]} | [{"op":"add","path":"/bar/8","value":"5"}] | ! not found
{"foo":1} | [{"op":"add","path":"/bar","value":true}] | {"foo":1,"bar":true}
{"foo":1} | [{"op":"add","path":"/bar","value":false}] | {"foo":1,"bar":false}
{"foo":1} | [{"op":"add","path":"/bar","value":null}] | {"foo":1,"bar":null}
{"foo":1} | [{"op":"add","path":"/0","value":"bar"}] | {"foo":1,"0":"bar"}
["foo"] | [{"op":"add","path":"/1","value":"bar"}] | ["foo","bar"]
["foo","sil"] | [{"op":"add","path":"/1","value":"bar"}] | ["foo","bar","sil"]
["foo","sil"] | [{"op":"add","path":"/0","value":"bar"}] | ["bar","foo","sil"]
["foo","sil"] | [{"op":"add","path":"/2","value":"bar"}] | ["foo","sil","bar"]
["foo","sil"] | [{"op":"add","path":"/3","value":"bar"}] | ! not found
{"1e0":"foo"} | [{"op":"test","path":"/1e0","value":"foo"}] | {"1e0":"foo"}
["foo","bar"] | [{"op":"test","path":"/1e0","value":"bar"}] | ! not found
["foo","sil"] | [{"op":"add","path":"/bar","value":42}] | ! not found
["foo","sil"] | [{"op":"add","path":"/1","value":["bar","baz"]}] | ["foo",["bar","baz"],"sil"]
{"foo":1,"bar":[1,2,3,4]} | [{"op":"remove","path":"/bar"}] | {"foo":1}
{"foo":1,"baz":[{"qux":"hello"}]} | [{"op":"remove","path":"/baz/0/qux"}] | {"foo":1,"baz":[{}]}
{"foo":1,"baz":[{"qux":"hello"}]} | [{"op":"replace","path":"/foo","value":[1,2,3,4]}] | {"foo":[1,2,3,4],"baz":[{"qux":"hello"}]}
{"foo":[1,2,3,4],"baz":[{"qux":"hello"}]} | [{"op":"replace","path":"/baz/0/qux","value":"world"}] | {"foo":[1,2,3,4],"baz":[{"qux":"world"}]}
["foo"] | [{"op":"replace","path":"/0","value":"bar"}] | ["bar"]
[""] | [{"op":"replace","path":"/0","value":0}] | [0]
[""] | [{"op":"replace","path":"/0","value":true}] | [true]
[""] | [{"op":"replace","path":"/0","value":false}] | [false]
[""] | [{"op":"replace","path":"/0","value":null}] | [null]
["foo","sil"] | [{"op":"replace","path":"/1","value":["bar","baz"]}] | ["foo",["bar","baz"]]
{"foo":"bar"} | [{"op":"add","path":"","value":{"baz":"qux"}}] | {"baz":"qux"}
{"foo":1} | [{"op":"test","path":"/foo","value":1,"spurious":1}] | {"foo":1}
{"foo":null} | [{"op":"test","path":"/foo","value":null}] | {"foo":null}
{"foo":null} | [{"op":"replace","path":"/foo","value":"truthy"}] | {"foo":"truthy"}
{"foo":null} | [{"op":"move","from":"/foo","path":"/bar"}] | {"bar":null}
{"foo":null} | [{"op":"copy","from":"/foo","path":"/bar"}] | {"foo":null,"bar":null}
{"foo":null} | [{"op":"remove","path":"/foo"}] | {}
{"foo":"bar"} | [{"op":"replace","path":"/foo","value":null}] | {"foo":null}
{"foo":{"foo":1,"bar":2}} | [{"op":"test","path":"/foo","value":{"bar":2,"foo":1}}] | {"foo":{"foo":1,"bar":2}}
{"foo":[{"foo":1,"bar":2}]} | [{"op":"test","path":"/foo","value":[{"bar":2,"foo":1}]}] | {"foo":[{"foo":1,"bar":2}]}
{"foo":{"bar":[1,2,5,4]}} | [{"op":"test","path":"/foo","value":{"bar":[1,2,5,4]}}] | {"foo":{"bar":[1,2,5,4]}}
{"foo":{"bar":[1,2,5,4]}} | [{"op":"test","path":"/foo","value":[1,2]}] | ! test failed
{"foo":1} | [{"op":"test","path":"","value":{"foo":1}}] | {"foo":1}
{"":1} | [{"op":"test","path":"/","value":1}] | {"":1}
{"foo":["bar","baz"],"":0,"a/b":1,"c%d":2,"e^f":3,"g|h":4,"i\\j":5,"k\"l":6," ":7,"m~n":8} | [{"op":"test","path":"/foo","value":["bar","baz"]},{"op":"test","path":"/foo/0","value":"bar"},{"op":"test","path":"/","value":0},{"op":"test","path":"/a~1b","value":1},{"op":"test","path":"/c%d","value":2},{"op":"test","path":"/e^f","value":3},{"op":"test","path":"/g|h","value":4},{"op":"test","path":"/i\\j","value":5},{"op":"test","path":"/k\"l","value":6},{"op":"test","path":"/ ","value":7},{"op":"test","path":"/m~0n","value":8}] | {"foo":["bar","baz"],"":0,"a/b":1,"c%d":2,"e^f":3,"g|h":4,"i\\j":5,"k\"l":6," ":7,"m~n":8}
{"foo":1,"baz":[{"qux":"hello"}]} | [{"op":"move","from":"/foo","path":"/bar"}] | {"baz":[{"qux":"hello"}],"bar":1}
{"baz":[{"qux":"hello"}],"bar":1} | [{"op":"move","from":"/baz/0/qux","path":"/baz/1"}] | {"baz":[{},"hello"],"bar":1}
{"baz":[{"qux":"hello"}],"bar":1} | [{"op":"copy","from":"/baz/0","path":"/boo"}] | {"baz":[{"qux":"hello"}],"bar":1,"boo":{"qux":"hello"}}
{"foo":"bar","baz":"qux"} | [{"op":"move","from":"/foo","path":"/foo"}] | {"foo":"bar","baz":"qux"}
{"foo":{"bar":1}} | [{"op":"move","from":"/foo","path":"/foo/bar"}] | ! invalid
{"foo":1} | [{"op":"remove","path":"/baz"}] | ! not found
["foo","bar"] | [{"op":"remove","path":"/2"}] | ! not found
{"foo":1,"baz":[{"qux":"hello"}]} | [{"op":"remove","path":"/baz/1e0/qux"}] | ! not found
[1,2,3,4] | [{"op":"remove","path":"/1e0"}] | ! not found
[""] | [{"op":"replace","path":"/1e0","value":false}] | ! not found
{"baz":[1,2,3],"bar":1} | [{"op":"copy","from":"/baz/1e0","path":"/boo"}] | ! not found
{"foo":1,"baz":[1,2,3,4]} | [{"op":"move","from":"/baz/1e0","path":"/foo"}] | ! not found
["foo","sil"] | [{"op":"add","path":"/1e0","value":"bar"}] | ! not found
["foo","bar"] | [{"op":"test","path":"/00","value":"foo"}] | ! not found
["foo","bar"] | [{"op":"test","path":"/01","value":"bar"}] | ! not found
["foo","bar"] | [{"op":"add","path":"/-","value":"x"},{"op":"test","path":"/-","value":"x"}] | ! not found
[] | [{"op":"add","path":"/-","value":1},{"op":"add","path":"/-","value":2}] | [1,2]
[1,2,[3,[4,5]]] | [{"op":"add","path":"/2/1/-","value":{"foo":["bar","baz"]}}] | [1,2,[3,[4,5,{"foo":["bar","baz"]}]]]
{"bar":"baz"} | [{"op":"replace","path":"/foo/bar","value":false}] | ! not found
{"foo":1} | [{"op":"spam","path":"/foo","value":1}] | ! invalid
{"foo":1} | [{"op":"add","path":"foo","value":1}] | ! invalid
{"foo":1} | [{"op":"copy","path":"/bar"}] | ! invalid
{"foo":1} | [{"op":"move","path":"/bar"}] | ! invalid
{"foo":1} | [{"op":"copy","from":"/bar","path":"/foo"}] | ! not found
{"foo":1} | [{"op":"move","from":"/bar","path":"/foo"}] | ! not found
{"foo":"bar","a":{"b":1}} | [{"op":"test","path":"/nope","value":1}] | ! test failed
{"a":[{"b":1}]} | [{"op":"remove","path":"/a/0/b"},{"op":"remove","path":"/a/0"},{"op":"remove","path":"/a"}] | {}
{"a":1} | [{"op":"replace","path":"/a","value":2},{"op":"test","path":"/a","value":1}] | ! test failed

{"bar":[1,2]} | [{"op":"add","path":"/bar/-1","value":"5"}] | {"bar":[1,2,"5"]} | KubeFed counts from the end
{"foo":1} | [{"op":"replace","path":"/bar","value":2}] | {"foo":1,"bar":2} | KubeFed sets an absent member
{"foo":1} | [{"op":"add","path":"/bar"}] | {"foo":1,"bar":null} | KubeFed reads a missing value as null
{"foo":1} | [{"path":"/foo","value":2}] | {"foo":2} | KubeFed reads a missing op as replace
{"foo":1} | [{"op":"copy","from":"","path":"/foo"}] | ! invalid | a from that was forgotten cannot be told from the whole document
{"foo":1} | [{"op":"add","path":"/foo","value":2},{"op":"add","path":"/foo","value":3}] | ! invalid | the first would be lost
{"a":[{"b":1}]} | [{"op":"replace","path":"/a[b=1]/b","value":2}] | {"a":[{"b":2}]} | a selector, not a name
`

func TestRFC6902(t *testing.T) {
	rows := 0
	for line := range strings.SplitSeq(rfc6902, "\n") {
		if line == "" {
			continue
		}
		rows++
		cells := strings.Split(line, " | ")
		doc := decode(t, cells[0])
		got, err := applyAny(doc, parsePatches(t, cells[1]))
		if kind, ok := strings.CutPrefix(cells[2], "! "); ok {
			require.ErrorIs(t, err, sentinel(t, kind), line)
			require.Nil(t, got, line)
			continue
		}
		require.NoError(t, err, line)
		require.Empty(t, cmp.Diff(decode(t, cells[2]), got), line)
		require.Empty(t, cmp.Diff(decode(t, cells[0]), doc), line)
	}
	require.Greater(t, rows, 100)
}
