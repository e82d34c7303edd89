package report

import (
	"bufio"
	_ "embed"
	"encoding/json"
	"fmt"
	"html"
	"slices"
	"strings"

	"github.com/confed-project/confed/federation"
	"github.com/confed-project/confed/override"
)

//go:embed page.html
var pageHTML string

// page is the HTML form: a document around one line of JSON for each object, which its own script makes a matrix of.
type page struct {
	out  *bufio.Writer
	tail string
}

const (
	pageTitle = "{{title}}"
	pageData  = "{{data}}"
	pageTotal = "{{totals}}"
)

func newPage(out *bufio.Writer, o Options) (*page, error) {
	head, tail, _ := strings.Cut(strings.ReplaceAll(pageHTML, pageTitle, html.EscapeString(o.Title)), pageData)
	_, err := out.WriteString(head)
	return &page{out: out, tail: tail}, err
}

// cell is one step on the page.
type cell struct {
	Cluster  string            `json:"cluster"`
	Verb     federation.Verb   `json:"verb"`
	Reason   federation.Reason `json:"reason"`
	Message  string            `json:"message,omitempty"`
	Decision string            `json:"decision,omitempty"`
	Replicas *int64            `json:"replicas,omitempty"`
	Bound    string            `json:"bound,omitempty"`
	Trace    []string          `json:"trace,omitempty"`
	Lines    []string          `json:"lines,omitempty"`
}

func (g *page) plan(p federation.Plan) error {
	decisions := map[string]string{}
	for _, d := range p.Decisions {
		verdict := map[bool]string{true: "selected", false: "not selected"}[d.Selected]
		decisions[d.Cluster] = strings.TrimSuffix(verdict+", "+string(d.Reason)+": "+d.Message, ": ")
	}
	cells := map[string][]cell{}
	for _, s := range p.Steps {
		c, err := newCell(s)
		if err != nil {
			return err
		}
		c.Decision = decisions[c.Cluster]
		cells[s.Ref.String()] = append(cells[s.Ref.String()], c)
	}
	names := make([]string, 0, len(cells))
	for name := range cells {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if err := g.write(map[string]any{"object": name, "cells": cells[name]}); err != nil {
			return err
		}
	}
	for _, err := range p.Errs {
		if err := g.fail(err); err != nil {
			return err
		}
	}
	return nil
}

func newCell(s federation.Step) (cell, error) {
	c := cell{Cluster: s.Ref.Cluster, Verb: s.Verb, Reason: s.Reason, Message: s.Message}
	if s.Share != nil {
		c.Replicas, c.Bound = &s.Share.Replicas, string(s.Share.Bound)
	}
	var shown struct {
		Trace []override.Change `json:"trace"`
	}
	data, err := json.Marshal(s) // which masks Secrets
	if err == nil {
		err = json.Unmarshal(data, &shown)
	}
	if err != nil {
		return cell{}, err
	}
	for _, t := range shown.Trace {
		change := federation.Change{Path: t.Path, Have: t.Old, Want: t.New}
		c.Trace = append(c.Trace, t.Layer+" sets "+change.String())
	}
	if s.Verb != federation.Keep {
		c.Lines, err = changes(s)
	}
	return c, err
}

func (g *page) fail(err error) error { return g.write(map[string]any{"error": err.Error()}) }

// write adds a line. The encoding escapes <, > and &, so nothing in it ends the script element.
func (g *page) write(v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(g.out, "%s\n", data)
	return err
}

func (g *page) close(t Totals) error {
	_, err := g.out.WriteString(strings.ReplaceAll(g.tail, pageTotal, html.EscapeString(t.String())))
	return err
}
