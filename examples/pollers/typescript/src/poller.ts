/**
 * Speaks the conformance protocol for phasemap.ts: JSON Lines on stdin and stdout.
 *
 *     scion-gen conformance -- node dist/poller.js
 *     scion-gen conformance --single-shot -- node dist/poller.js --once
 *
 * A poller of your own needs only phasemap.ts; this file is how it proves itself.
 */

import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { mapAbsent, mapPod, parseTime, reconcile, type Options, type Report, type Result } from "./phasemap.js";

const HELLO = {
  ok: true,
  protocol: 1,
  name: "phasemap-ts",
  version: "1.0.0",
  language: "typescript",
  profiles: ["core", "rules", "reconcile", "absent", "clock", "raw-json"],
};

interface Request {
  readonly cmd: string;
  readonly seq?: number;
  readonly options?: Partial<Options>;
  readonly now?: string;
  readonly pod?: unknown;
  readonly self?: unknown;
  readonly containerStartedAt?: string | null;
  readonly last?: Result | null;
  readonly stopRequested?: boolean;
  readonly absentForSeconds?: number | null;
}

const map = (r: Request): Result => mapPod(r.pod, r.options, parseTime(r.now));

const COMMANDS: Readonly<Record<string, (r: Request) => Result | Report>> = {
  map,
  absent: (r) => {
    const absence = { stopRequested: r.stopRequested === true, absentFor: r.absentForSeconds ?? null };
    return mapAbsent(r.last ?? null, absence, r.options);
  },
  reconcile: (r) => reconcile(map(r), r.self, parseTime(r.containerStartedAt)),
};

function answer(request: Request): object {
  if (request.cmd === "hello") {
    return HELLO;
  }
  const command = COMMANDS[request.cmd];
  const { seq } = request;
  return command ? { seq, result: command(request) } : { seq, skip: `unknown command ${request.cmd}` };
}

if (process.argv.includes("--once")) {
  const reply = answer(JSON.parse(await text(process.stdin)) as Request);
  console.log(JSON.stringify("result" in reply ? reply.result : reply));
} else {
  const lines = createInterface({ input: process.stdin });
  for await (const line of lines) {
    const request = JSON.parse(line) as Request;
    if (request.cmd === "stop") {
      break;
    }
    process.stdout.write(`${JSON.stringify(answer(request))}\n`);
  }
  process.stdin.destroy();
}
