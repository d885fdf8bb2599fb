#!/bin/sh
# Pushes what is committed in deploy/prod as an OCI artifact: the same bytes make
# the same digest.
set -eu
: "${ARTIFACT:=oci://registry.example.com/agents/prod}"
# What is pushed is what the revision has.
git diff --quiet HEAD -- deploy/prod
test -z "$(git ls-files --others -- deploy/prod)"
flux push artifact "$ARTIFACT:$(git rev-parse --short HEAD)" \
  --path=deploy/prod \
  --source="$(git config --get remote.origin.url)" \
  --revision="$(git branch --show-current)@sha1:$(git rev-parse HEAD)" \
  --reproducible
flux tag artifact "$ARTIFACT:$(git rev-parse --short HEAD)" --tag prod
