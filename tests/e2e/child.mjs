// Programs that a test starts. One that the test forgot must not keep the runner waiting; one that it waits for must.

const handles = (child) => [child, ...child.stdio.filter(Boolean)];

/** The runner may end although this program has not. */
export function letGo(child) {
  for (const handle of handles(child)) handle.unref();
}

/**
 * The runner goes on until this program has ended and all that it wrote was read: "close" comes when its pipes are
 * closed, which may be after the process is gone, so that the process alone would not be enough to hold.
 */
export function hold(child) {
  for (const handle of handles(child)) handle.ref();
}
