"""Speaks the conformance protocol for phasemap.py: JSON Lines on stdin and stdout.

    scion-gen conformance -- python3 poller.py
    scion-gen conformance --single-shot -- python3 poller.py --once

A poller of your own needs only phasemap.py; this file is how it proves itself.
"""

import json
import sys

import phasemap

HELLO = {
    "ok": True,
    "protocol": 1,
    "name": "phasemap-py",
    "version": "1.0.0",
    "language": "python",
    "profiles": ["core", "rules", "reconcile", "absent", "clock", "raw-json"],
}


def _map(request):
    options = phasemap.Options.from_json(request.get("options") or {})
    return phasemap.map_pod(request.get("pod"), options, phasemap.parse_time(request.get("now")))


def _absent(request):
    options = phasemap.Options.from_json(request.get("options") or {})
    last = request.get("last")
    return phasemap.map_absent(
        phasemap.Result.from_json(last) if last else None,
        request.get("stopRequested") is True,
        request.get("absentForSeconds"),
        options,
    )


def _reconcile(request):
    started = phasemap.parse_time(request.get("containerStartedAt"))
    return phasemap.reconcile(_map(request), request.get("self"), started)


COMMANDS = {"map": _map, "absent": _absent, "reconcile": _reconcile}


def answer(request):
    """The one line that answers a request."""
    if request["cmd"] == "hello":
        return HELLO
    seq = request.get("seq")
    command = COMMANDS.get(request["cmd"])
    if command is None:
        return {"seq": seq, "skip": "unknown command " + request["cmd"]}
    return {"seq": seq, "result": command(request).to_json()}


def main():
    if "--once" in sys.argv[1:]:
        reply = answer(json.load(sys.stdin))
        print(json.dumps(reply.get("result", reply)))
        return
    for line in sys.stdin:
        request = json.loads(line)
        if request["cmd"] == "stop":
            return
        print(json.dumps(answer(request)), flush=True)


if __name__ == "__main__":
    main()
