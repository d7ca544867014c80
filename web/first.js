// What must be known before anything is painted: the theme, and the language.
//
// The one script that the page waits for, so that nobody sees a moment of the other theme or of English. English and the
// system's theme are there already; another language is loaded while the page is read, and the page is unseen
// until it speaks it, or cannot. Not here: choosing, which is page.js.

{
  const { dataset } = document.documentElement;
  /** @type {Partial<Storage>} */
  let kept = {};
  try {
    kept = localStorage;
  } catch {
    // Storage is denied: nothing was chosen.
  }
  if (kept.theme) dataset.theme = kept.theme;

  // The address's, the one chosen before, the browser's.
  const wishes = [new URLSearchParams(location.search).get('lang'), kept.language, ...navigator.languages.map((tag) => tag.slice(0, 2))];
  const language = wishes.find((code) => ['en', 'fr', 'pseudo'].includes(code)) ?? 'en';
  dataset.language = language;

  if (language !== 'en') {
    dataset.unread = '';
    const parsed = new Promise((resolve) => addEventListener('DOMContentLoaded', resolve));
    Promise.all([import('./language.js'), language === 'fr' && import('./french.js')]) // side by side: the first would ask for the second
      .then(([{ speak }]) => speak(language, parsed)).catch(() => {}).then(() => { delete dataset.unread; });
  }
}
