// Package model drives the planner and the dispatcher through random lives of a few objects in a few members, and checks
// what must hold: after every request, after every pass, and once faults have stopped. The members are any
// federation.ClusterClient, in memory or real API servers; others are other field managers.
//
// It knows what it wished, what others wrote and what members hold, and never asks the library: what a cluster should
// have is rendered here a second time, from words in slots.
package model

import "math/rand/v2"

// Script returns the choices of one random run. Equal seeds give equal runs.
func Script(seed uint64) []byte {
	rnd := rand.New(rand.NewPCG(seed, 0))
	data := make([]byte, 40+rnd.IntN(160))
	for i := range data {
		data[i] = byte(rnd.Uint32())
	}
	return data
}

// script is where every choice of a run comes from: one byte each, and zeros when it has run out.
type script []byte

// pick chooses a number below n.
func (s *script) pick(n int) int {
	if len(*s) == 0 {
		return 0
	}
	b := (*s)[0]
	*s = (*s)[1:]
	return int(b) % n
}

// mask chooses some of n things, as bits.
func (s *script) mask(n int) uint { return uint(s.pick(1 << n)) }

// has reports whether a mask has thing i.
func has(mask uint, i int) bool { return mask>>i&1 > 0 }
