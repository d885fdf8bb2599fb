// Package manifest holds Kubernetes objects as trees that remember where each
// value came from: it parses YAML strictly, merges trees by the rules of the
// API types, and writes them as YAML, byte for byte as sigs.k8s.io/yaml does.
//
// It knows nothing of agents. It opens no files: names are for messages only.
// It is not a general YAML library: comments, anchors and tags are refused or
// dropped, and what would not survive a round trip through the API is an error.
//
// Start with Parse, Merge and Append; Node is what they share.
package manifest
