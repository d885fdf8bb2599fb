package main

import (
	"fmt"
	"slices"
	"strings"
)

// choice is a flag that takes one of several words; the first is the default.
type choice struct {
	value *string
	of    []string
}

func newChoice(value *string, of ...string) *choice {
	*value = of[0]
	return &choice{value, of}
}

func (c *choice) String() string {
	if c.value == nil {
		return ""
	}
	return *c.value
}

func (c *choice) Type() string { return strings.Join(c.of, "|") }

func (c *choice) Set(word string) error {
	if !slices.Contains(c.of, word) {
		return fmt.Errorf("want one of %s", strings.Join(c.of, ", "))
	}
	*c.value = word
	return nil
}
