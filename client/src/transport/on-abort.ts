const handlersOf = new WeakMap<AbortSignal, Set<() => void>>();

/**
 * Calls a function once a signal is aborted, at once if it is already, and gives what takes it
 * back. What is taken back leaves nothing at the signal, which may live as long as the process.
 */
export function onAbort(signal: AbortSignal | undefined, handler: () => void): () => void {
  if (signal === undefined) return () => undefined;
  if (signal.aborted) {
    handler();
    return () => undefined;
  }
  const handlers = handlersOf.get(signal) ?? listen(signal);
  // Of its own, since the same function may be given twice.
  const entry = () => handler();
  handlers.add(entry);
  return () => {
    if (handlers.delete(entry) && handlers.size === 0) unlisten(signal);
  };
}

/** A signal that is aborted with others. */
export interface JoinedSignal {
  readonly signal: AbortSignal;
  /** Lets go of the others. */
  readonly release: () => void;
}

/**
 * Gives a signal that is aborted as soon as one of these is, with its reason, until it is
 * released.
 */
export function joinSignals(...signals: readonly (AbortSignal | undefined)[]): JoinedSignal {
  // AbortSignal.any would leave an entry at each of them for as long as they live.
  const joined = new AbortController();
  const releases = signals.map((signal) => onAbort(signal, () => joined.abort(signal?.reason)));
  const release = () => {
    for (const each of releases) each();
  };
  return { signal: joined.signal, release };
}

/** Listens once for all handlers: Node.js warns of a leak where a signal has many listeners. */
function listen(signal: AbortSignal): Set<() => void> {
  const handlers = new Set<() => void>();
  handlersOf.set(signal, handlers);
  signal.addEventListener("abort", abort, { once: true });
  return handlers;
}

function unlisten(signal: AbortSignal): void {
  handlersOf.delete(signal);
  signal.removeEventListener("abort", abort);
}

function abort(this: AbortSignal): void {
  const handlers = handlersOf.get(this) ?? [];
  handlersOf.delete(this);
  for (const handler of [...handlers]) handler();
}
