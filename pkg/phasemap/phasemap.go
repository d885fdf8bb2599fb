// Package phasemap says in which phase of its life an AI coding agent is, from
// the Pod that runs it.
//
// [Map] is a function of its arguments: a Pod, options and a clock go in, a
// [Status] comes out. It answers for every Pod there can be, malformed ones
// included, and the same Pod always gets the same answer. What one look at a
// Pod cannot tell is beside it: [MapAbsent] for a Pod that is gone, [Reconcile]
// for what the agent says of itself, [Tracker] for what was seen before.
//
// The rules are one ordered table, and the first that holds decides. [Rules]
// lists them; docs/phases.md is made from the same table, and golden/phasemap
// holds the cases that pollers in any language can check themselves against.
//
// It is not a client: it asks no API server, and a Pod that could not be read
// is not its business. A caller who fails to read a Pod keeps the last Status.
package phasemap
