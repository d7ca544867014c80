// Workers of a module that a page of another origin has imported.
//
// A browser starts no worker from another origin; it does start a script of the page's own that
// imports one. The server's CORS header allows the import, the page's policy the rest.

/** Whether a module at this address is the page's own. @param {string} url an `import.meta.url` */
export const isOwn = (url) => new URL(url).origin === location.origin;

/** @param {URL} url of a worker's module @returns {Worker} */
export function foreignWorker(url) {
  const script = new Blob([`import ${JSON.stringify(url.href)};`], { type: 'text/javascript' });
  const address = URL.createObjectURL(script);
  const worker = new Worker(address, { type: 'module' });
  // Read by then; a page that starts many would keep them all.
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
  return worker;
}
