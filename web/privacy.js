// The sheet that says what this page keeps in the browser, and erases it.
//
// Loaded when somebody asks. Whoever computes is stopped first: a database in use cannot go.

import { counted as countedIn, eraseEverything } from './database.js';
import { element, say } from './store.js';
import { bytesText, counted } from './words.js';

const sheet = /** @type {HTMLDialogElement} */ (element('privacy'));
/** @type {() => Promise<void>} */
let end;

element('privacy-close').addEventListener('click', () => sheet.close());
element('erase').addEventListener('click', async () => {
  element('erase').disabled = true;
  say(element('erase'), 'Erasing…');
  await end();
  await eraseEverything();
  location.replace(location.pathname);
});

/** @param {() => Promise<void>} endAll ends every worker of this page */
export async function showPrivacy(endAll) {
  end = endAll;
  sheet.showModal();
  const { keys, tiles, bytes } = await countedIn().catch(() => ({ keys: 0, tiles: 0, bytes: 0 }));
  say(element('kept-keys'), keys ? `${counted(keys, 'key')}, one for each tab at a time. No script can read a key; a tab's name in the network is made from it.` : 'No key.');
  say(element('kept-tiles'), tiles ? `${counted(tiles, 'tile')}, ${bytesText(bytes)}, so that a reload does not compute them again.` : 'No tiles.');
  const chosen = Object.keys(localStorage);
  say(element('kept-choices'), chosen.length ? `Your choices: ${chosen.join(', ')}.` : 'No choices.');
}
