package status

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFeedback(t *testing.T) {
	live := decode(t, `{"kind":"Widget","status":{"n":3,"f":0.5,"s":"a\u00e9","b":false,"m":{"z":1,"a":"<x>"},"empty":"","big":"`+strings.Repeat("x", 100)+`"}}`)
	got := Feedback(live, map[string]string{
		"n": ".status.n", "f": "status.f", "s": "status.s", "b": "status.b", "m": "status.m", "none": "status.none", "wrong": "status.n.x", "bad": "status.[",
		"big": "status.big", "empty": "status.empty",
	}, 60)
	require.Equal(t, []Value{
		{Name: "b", Type: "Boolean", Value: "false"},
		{Name: "bad", Error: `InvalidPath: status: invalid path "status.[": no field name at "["`},
		{Name: "big", Error: "TooLarge: 100 bytes"},
		{Name: "empty", Type: "String"},
		{Name: "f", Type: "Number", Value: "0.5"},
		{Name: "m", Type: "JSON", Value: `{"a":"<x>","z":1}`},
		{Name: "n", Type: "Integer", Value: "3"},
		{Name: "none", Error: "NotFound"},
		{Name: "s", Type: "String", Value: "aé"},
		{Name: "wrong", Error: "WrongType: status.n is not an object"},
	}, got)
}

func TestFeedbackLimit(t *testing.T) {
	live := decode(t, `{"status":{"a":"0123456789","b":"0123456789","c":"01"}}`)
	paths := map[string]string{"a": "status.a", "b": "status.b", "c": "status.c"}
	values := Feedback(live, paths, 14)
	require.Equal(t, []Value{{Name: "a", Type: "String", Value: "0123456789"}, {Name: "b", Error: "TooLarge: 10 bytes"}, {Name: "c", Type: "String", Value: "01"}}, values)
	for _, v := range Feedback(live, paths, -1) {
		require.NotEmpty(t, v.Error)
	}
	require.Empty(t, Feedback(live, map[string]string{}, 0), "no path, no value")
	require.Empty(t, Feedback(nil, nil, 0))
}
