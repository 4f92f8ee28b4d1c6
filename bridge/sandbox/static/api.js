// What the page asks of the server, and the stream of what happens there.

/** Ask for something. Throws an Error with the server's own words. */
export async function ask(path, fields) {
  const answer = await fetch(`/sandbox/${path}`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(fields),
  });
  const result = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(result.detail || `The sandbox answered ${answer.status}.`);
  return result;
}

/** Call `onState` with the whole state now and after each change, for as long as the page lives. */
export function follow(onState, onLive) {
  const events = new EventSource("/sandbox/events");
  events.addEventListener("open", () => onLive(true));
  events.addEventListener("state", (event) => onState(JSON.parse(event.data)));
  events.addEventListener("error", () => {
    onLive(false);
    // The browser comes back by itself after a cut, but gives up on an answer that is no stream.
    if (events.readyState === EventSource.CLOSED) setTimeout(() => follow(onState, onLive), 2000);
  });
}
