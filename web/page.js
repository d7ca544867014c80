// What loads with the page: the cover, the consent, and `window.millefeuille`.
//
// Nothing computes and nothing connects here. Only a press of Start or Just look, or the same
// calls of `window.millefeuille`, load the rest (app.js).

/**
 * The page for programs: what the buttons do, and what they show. Tests and embedders use this;
 * there is no other way in. A `change` event follows every change of `state()`.
 */
class Millefeuille extends EventTarget {
  /** @type {Promise<import('./app.js').App> | null} */
  #loading = null;
  /** @type {import('./app.js').App | null} */
  #app = null;

  async #open() {
    this.#loading ??= Promise.all([import('./app.js'), spoken()]).then(([{ App }]) => {
      this.#app = new App(() => this.dispatchEvent(new Event('change')));
      return this.#app;
    }).catch((error) => {
      this.#loading = null; // the next press tries again
      throw error;
    });
    return this.#loading;
  }

  /** Explore on this machine only. */
  async look() {
    (await this.#open()).look();
  }

  /**
   * Become a peer. Resolves when the start is under way; `state().ready` says when it is done.
   * @param {{cores?: number, intensity?: number, server?: string}} [options] `intensity` in percent; `server` is a WebSocket URL
   */
  async start(options = {}) {
    (await this.#open()).start(options);
  }

  /** Say goodbye and disconnect. @param {{finish?: boolean}} [options] the tiles in hand first? */
  async stop({ finish = false } = {}) {
    await this.#app?.stop(finish);
  }

  /** Compute nothing for others, without leaving. @param {number} [millis] without it until `resume` */
  async pause(millis) {
    this.#app?.pause(millis);
  }

  /** Compute again, whatever paused it. */
  async resume() {
    this.#app?.donor.resume();
  }

  /**
   * How much: cores, percent of their time, and what pauses or slows by itself.
   * @param {import('./donor.js').Wishes} wishes
   */
  async donate(wishes) {
    this.#app?.donor.choose(wishes);
  }

  /**
   * Render a picture, with whoever helps: {formula, re, im, zoom, c_re, c_im, max_iter, width,
   * height}, numbers of the centre as decimal text; optionally {palette, density, offset}.
   * @param {any} view
   */
  async launch(view) {
    return (await this.#open()).album.launch(view);
  }

  /** Follow a job of the network by its id. @param {string} job */
  async watch(job) {
    (await this.#open()).watch(job);
  }

  /** End the shown job, or take no further part in it. */
  async cancel() {
    this.#app?.album.cancel();
  }

  /** The shown job's picture as a PNG file, black where it is not done. @returns {Promise<Blob>} */
  async png() {
    if (!this.#app) throw new Error('there is no picture');
    return this.#app.album.png();
  }

  /** What this page keeps in the browser, with the button that erases it. */
  async privacy() {
    const { showPrivacy } = await import('./privacy.js');
    await showPrivacy(async () => this.#app?.end());
  }

  /** Says everything in the language that is chosen. */
  async speak() {
    await spoken();
    this.#app?.reword();
  }

  /** Everything that the page shows, as a plain object. */
  state() {
    return this.#app?.state() ?? {
      status: 'idle', id: null, ready: false, links: 0, peers: 0, members: [], job: null, jobs: [],
      contributed: 0, recalled: 0, view: null, palette: null, drawn: { done: 0, total: 0 }, cores: 0, intensity: 0,
      workers: 0, busy: 0, paused: false, why: '', server: { state: 'off' },
    };
  }
}

const millefeuille = new Millefeuille();
Object.assign(window, { millefeuille });

// Theme: the system's, until one is chosen; first.js has set that.

const root = document.documentElement;
const systemDark = matchMedia('(prefers-color-scheme: dark)');
const themeButton = /** @type {HTMLButtonElement} */ (document.getElementById('theme'));

function showTheme() {
  const { theme } = root.dataset;
  themeButton.setAttribute('aria-pressed', String(theme ? theme === 'dark' : systemDark.matches));
}

/** @param {string} name @param {string} value */
function keep(name, value) {
  try {
    localStorage.setItem(name, value);
  } catch {
    // Chosen for this visit only.
  }
}

showTheme();
systemDark.addEventListener('change', showTheme);
themeButton.addEventListener('click', () => {
  const theme = themeButton.getAttribute('aria-pressed') === 'true' ? 'light' : 'dark';
  root.dataset.theme = theme;
  showTheme();
  keep('theme', theme);
});

// The language: the one that first.js has found, until another is chosen.

const languages = /** @type {HTMLSelectElement} */ (document.getElementById('language'));
languages.value = root.dataset.language ?? 'en';

/** Where a language cannot be loaded, the page stays as it is. */
async function spoken() {
  const { speak } = await import('./language.js');
  await speak(languages.value).catch(() => {});
}

languages.addEventListener('change', () => {
  keep('language', languages.value);
  // The address would win at the next load.
  const address = new URL(location.href);
  address.searchParams.delete('lang');
  history.replaceState(history.state, '', address);
  void millefeuille.speak();
});

// A link to a job says so.
if (/[#&]job=/.test(location.hash)) {
  const invited = document.getElementById('invited');
  if (invited) invited.hidden = false;
}

// What this browser cannot do, said before anybody presses a button.

const start = /** @type {HTMLButtonElement} */ (document.getElementById('start'));
const look = /** @type {HTMLButtonElement} */ (document.getElementById('look'));

const cores = navigator.hardwareConcurrency || 2;
show('cores-exact', Math.max(1, Math.floor(cores / 2)), cores);
document.getElementById('cores-half')?.remove();

if (typeof WebAssembly === 'undefined') {
  show('no-wasm');
  start.disabled = look.disabled = true;
} else if (typeof RTCPeerConnection === 'undefined') {
  show('no-webrtc');
  start.disabled = true;
} else if (!window.isSecureContext) {
  show('not-secure');
  start.disabled = true;
}

/** What is there for this case, with these texts in its gaps. @param {string} id @param {(string | number)[]} texts */
function show(id, ...texts) {
  const target = document.getElementById(id);
  if (!target) return;
  for (const [at, text] of texts.entries()) target.children[at].textContent = String(text);
  target.hidden = false;
}

/** @param {Promise<void>} action */
function tried(action) {
  action.catch((error) => {
    show('incomplete', error.message);
  });
}

// A reload goes on where this tab was, if its visitor has asked for that.
try {
  if (sessionStorage.getItem('donating') && !start.disabled) tried(millefeuille.start());
} catch {
  // Nothing is remembered where nothing is kept.
}

start.addEventListener('click', () => tried(millefeuille.start()));
for (const button of document.querySelectorAll('[data-privacy]')) {
  button.addEventListener('click', () => tried(millefeuille.privacy()));
}
look.addEventListener('click', () => tried(millefeuille.look()));
