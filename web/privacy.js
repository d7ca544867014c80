// The sheet that says what this page keeps in the browser, and erases it.
//
// Loaded when somebody asks. Whoever computes is stopped first: a database in use cannot go.

import { counted as countedIn, eraseEverything } from './database.js';
import { element, say } from './store.js';
import { bytesText } from './words.js';
import { listed, t } from './language.js';

const sheet = /** @type {HTMLDialogElement} */ (element('privacy'));
/** @type {() => Promise<void>} */
let end;

element('privacy-close').addEventListener('click', () => sheet.close());
element('erase').addEventListener('click', async () => {
  element('erase').disabled = true;
  say(element('erase'), t('erasing'));
  await end();
  await eraseEverything();
  location.replace(location.pathname);
});

/** @param {() => Promise<void>} endAll ends every worker of this page */
export async function showPrivacy(endAll) {
  end = endAll;
  sheet.showModal();
  const { keys, tiles, bytes } = await countedIn().catch(() => ({ keys: 0, tiles: 0, bytes: 0 }));
  say(element('kept-keys'), keys ? t('kept-keys', { n: keys }) : t('no-key'));
  say(element('kept-tiles'), tiles ? t('kept-tiles', { n: tiles, size: bytesText(bytes) }) : t('no-tiles'));
  const chosen = Object.keys(localStorage).map((name) => t(`kept-${name}`).replace(/^kept-/, ''));
  say(element('kept-choices'), chosen.length ? t('kept-choices', { names: listed(chosen) }) : t('no-choices'));
}
