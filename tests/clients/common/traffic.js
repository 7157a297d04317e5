// Requests and WebSockets through a gateway's listeners, with Node's built-in modules only.

import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";

const DEADLINE_MS = 20_000;

/** Returns the status of a GET, or undefined if no listener accepts. */
export async function status(address, port) {
  try {
    // A new connection, because a kept one would outlive its listener.
    const answer = await fetch(`http://${address}:${port}/`, { headers: { connection: "close" } });
    await answer.text();
    return answer.status;
  } catch (error) {
    if (["ECONNREFUSED", "ECONNRESET", "UND_ERR_SOCKET"].includes(error.cause?.code)) return undefined;
    throw error;
  }
}

/** Retries until the check passes. */
export async function until(check) {
  const deadline = Date.now() + DEADLINE_MS;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await sleep(50);
    }
  }
}

/** Waits for this status: an operation ends when workers have applied the change, but sockets close a little later. */
export function untilStatus(expected, address, port) {
  return until(async () => assert.equal(await status(address, port), expected));
}

/** Checks that messages are echoed over a WebSocket. */
export async function echo(address, port) {
  const socket = new WebSocket(`ws://${address}:${port}/echo`);
  try {
    await next(socket, "open");
    for (const message of ["first", "second", "third"]) {
      const answer = next(socket, "message");
      socket.send(message);
      assert.equal((await answer).data, message);
    }
  } finally {
    socket.close();
  }
}

function next(socket, kind) {
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(5_000);
    signal.addEventListener("abort", () => reject(new Error(`no ${kind} in five seconds`)));
    socket.addEventListener("error", (event) => reject(event.error ?? new Error("the WebSocket failed")), { once: true });
    socket.addEventListener(kind, resolve, { once: true });
  });
}
