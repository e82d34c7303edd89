// Package kstatus holds the cross-check of status.Assess with kstatus; see its test.
package kstatus
